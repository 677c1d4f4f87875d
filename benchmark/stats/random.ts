// Repeatable randomness: xoshiro128** 1.1 (Blackman, Vigna 2018), its state filled by a SplitMix generator of 32 bits, so
// that a seed makes the same stream on every machine.

export type Random = () => number;

/** Uniform in [0, 1), 32 bits of it. @param stream another number gives another stream of the same seed */
export function randomOf(seed: number, stream = 0): Random {
  // Scrambled before the stream is mixed in: states that begin side by side would share three words of four.
  let mixed = scrambled(scrambled(seed) ^ Math.imul(stream, GOLDEN));
  const mix = (): number => {
    mixed = (mixed + GOLDEN) >>> 0;
    return scrambled(mixed);
  };
  const words = xoshiro128([mix(), mix(), mix(), mix()]);
  return () => words() / 2 ** 32;
}

/** Whole numbers from 0 to 2³² − 1. @param state four words of 32 bits, not all zero */
export function xoshiro128(state: readonly [number, number, number, number]): Random {
  let [a, b, c, d] = state;
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result;
  };
}

/** 2³² divided by the golden ratio, odd. */
const GOLDEN = 0x9e3779b9;

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** The finaliser of MurmurHash3 (Appleby): one to one, and every bit of the input reaches every bit of the output. */
function scrambled(word: number): number {
  let z = word;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) >>> 0;
}

/** A whole number from 0 to `below` − 1. */
export function wholeBelow(random: Random, below: number): number {
  return Math.floor(random() * below);
}
