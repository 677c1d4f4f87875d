// RS analysis (Fridrich, Goljan and Du, 2001): flipping LSBs makes groups of pixels rougher
// ("singular" turns "regular" and back) in a way that tells how many were flipped before.

const MASK = [0, 1, 1, 0] as const;
const GROUP = MASK.length;

/** LSB flipping 0<->1, 2<->3, ... */
function flipUp(value: number): number {
  return value ^ 1;
}

/** Shifted flipping -1<->0, 1<->2, ... */
function flipDown(value: number): number {
  return ((value + 1) ^ 1) - 1;
}

function roughness(group: Int16Array): number {
  let sum = 0;
  for (let i = 1; i < GROUP; i++) sum += Math.abs((group[i] ?? 0) - (group[i - 1] ?? 0));
  return sum;
}

interface Counts {
  /** Regular minus singular groups, under the mask, as a share of all groups. */
  readonly plain: number;
  /** The same under the negative mask. */
  readonly negative: number;
}

function countGroups(plane: Uint8Array, width: number, height: number, invertLsb: number): Counts {
  const group = new Int16Array(GROUP);
  const flipped = new Int16Array(GROUP);
  let plain = 0;
  let negative = 0;
  let groups = 0;
  const differ = (flip: (value: number) => number, before: number): number => {
    for (let i = 0; i < GROUP; i++) {
      const value = group[i] ?? 0;
      flipped[i] = MASK[i] === 1 ? flip(value) : value;
    }
    return Math.sign(roughness(flipped) - before);
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x + GROUP <= width; x += GROUP) {
      for (let i = 0; i < GROUP; i++) group[i] = (plane[y * width + x + i] ?? 0) ^ invertLsb;
      const before = roughness(group);
      plain += differ(flipUp, before);
      negative += differ(flipDown, before);
      groups += 1;
    }
  }
  return { plain: plain / Math.max(1, groups), negative: negative / Math.max(1, groups) };
}

/**
 * Estimated share of samples that carry a bit by LSB replacement, 0 to 1.
 * @param plane - one colour channel
 */
export function rsEstimate(plane: Uint8Array, width: number, height: number): number {
  const atRate = countGroups(plane, width, height, 0);
  const atInverse = countGroups(plane, width, height, 1);
  const d0 = atRate.plain;
  const d1 = atInverse.plain;
  const n0 = atRate.negative;
  const n1 = atInverse.negative;
  const z = smallerRoot(2 * (d1 + d0), n0 - n1 - d1 - 3 * d0, d0 - n0);
  return Math.min(1, Math.max(0, z / (z - 0.5)));
}

/** The root of ax² + bx + c that is smaller in size; 0 when there is none. */
export function smallerRoot(a: number, b: number, c: number): number {
  if (a === 0) return b === 0 ? 0 : -c / b;
  const discriminant = Math.max(0, b * b - 4 * a * c);
  const first = (-b + Math.sqrt(discriminant)) / (2 * a);
  const second = (-b - Math.sqrt(discriminant)) / (2 * a);
  return Math.abs(first) < Math.abs(second) ? first : second;
}
