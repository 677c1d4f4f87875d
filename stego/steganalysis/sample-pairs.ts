// Sample pair analysis (Dumitrescu, Wu and Wang, 2003): LSB replacement moves pairs of neighbouring
// samples between sets whose sizes agree in natural images; the imbalance gives the rate.
import { smallerRoot } from './rs.js';

/**
 * Estimated share of samples that carry a bit by LSB replacement, 0 to 1.
 * @param plane - one colour channel
 */
export function samplePairsEstimate(plane: Uint8Array, width: number, height: number): number {
  let x = 0;
  let y = 0;
  let gamma = 0;
  let pairs = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column + 1 < width; column++) {
      const at = row * width + column;
      const u = plane[at] ?? 0;
      const v = plane[at + 1] ?? 0;
      pairs += 1;
      // Z (equal) and W (same pair of values, different) make up the quadratic term.
      if (u >> 1 === v >> 1) gamma += 1;
      if (u === v) continue;
      const even = (v & 1) === 0;
      if (even === u < v) x += 1;
      else y += 1;
    }
  }
  if (pairs === 0) return 0;
  const rate = smallerRoot(gamma / 2, 2 * x - pairs, y - x);
  return Math.min(1, Math.max(0, rate));
}
