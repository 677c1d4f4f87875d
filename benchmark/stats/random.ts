// Repeatable randomness: xoshiro128** (Blackman, Vigna 2018) seeded through SplitMix32, so that a seed makes the same
// stream on every machine.

export type Random = () => number;

/** Uniform in [0, 1), 32 bits of it. @param stream another number gives another stream of the same seed */
export function randomOf(seed: number, stream = 0): Random {
  let mixed = (seed ^ Math.imul(stream + 1, 0x9e3779b9)) >>> 0;
  const mix = (): number => {
    mixed = (mixed + 0x9e3779b9) >>> 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let [a, b, c, d] = [mix(), mix(), mix(), mix()];
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result / 2 ** 32;
  };
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** A whole number from 0 to `below` − 1. */
export function wholeBelow(random: Random, below: number): number {
  return Math.floor(random() * below);
}
