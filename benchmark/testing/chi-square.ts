// Pearson's chi-square test: do counts agree with what a theory expects? For tests of whatever is random.

/** Tests of randomness fail by chance once in so many: fixed seeds, so each of them always or never. */
export const ALPHA = 1e-6;
/** Below so many expected, the statistic is not chi-square distributed: such cells are put together. */
const LEAST_EXPECTED = 8;

/**
 * How probable counts at least as far from the theory are, if the theory is true.
 * @param observed how often each cell was seen
 * @param probabilities of the cells, in the same order; they add up to 1
 */
export function chiSquareP(observed: ArrayLike<number>, probabilities: ArrayLike<number>): number {
  const cells = cellsOf(observed, probabilities);
  const statistic = cells.reduce(
    (sum, [seen, expected]) => sum + (seen - expected) ** 2 / expected,
    0,
  );
  return upperTail(statistic, cells.length - 1);
}

/** Seen and expected; neighbours that are expected too rarely are put together, and what is left at the end with the last. */
function cellsOf(
  observed: ArrayLike<number>,
  probabilities: ArrayLike<number>,
): (readonly [number, number])[] {
  const total = Array.from(observed).reduce((sum, count) => sum + count, 0);
  const cells: (readonly [number, number])[] = [];
  let seen = 0;
  let expected = 0;
  for (let at = 0; at < Math.max(observed.length, probabilities.length); at++) {
    const probability = probabilities[at] ?? 0;
    const count = observed[at] ?? 0;
    // What the theory excludes: infinitely far from it.
    if (probability === 0 && count > 0) return [[count, 0]];
    seen += count;
    expected += total * probability;
    if (expected < LEAST_EXPECTED) continue;
    cells.push([seen, expected]);
    seen = expected = 0;
  }
  const [lastSeen, lastExpected] = cells.pop() ?? [0, 0];
  cells.push([lastSeen + seen, lastExpected + expected]);
  return cells;
}

/** Probability that a chi-square variable exceeds `statistic`: Q(k/2, x/2) (Abramowitz, Stegun 1964, 26.4.19). */
export function upperTail(statistic: number, degrees: number): number {
  if (statistic === Infinity) return 0;
  if (statistic <= 0) return 1;
  const a = degrees / 2;
  const x = statistic / 2;
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? 1 - scale * lowerSeries(a, x) : scale * upperFraction(a, x);
}

const MOST_TERMS = 100_000;
const PRECISION = 1e-14;

/** γ(a, x) · x^−a · e^x as a series (6.5.29). */
function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < MOST_TERMS && term > sum * PRECISION; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/** Γ(a, x) · x^−a · e^x as a continued fraction (6.5.31), evaluated by Lentz's method. */
function upperFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let value = d;
  for (let n = 1; n < MOST_TERMS; n++) {
    const factor = -n * (n - a);
    b += 2;
    d = 1 / (factor * d + b);
    c = b + factor / c;
    value *= c * d;
    if (Math.abs(c * d - 1) < PRECISION) break;
  }
  return value;
}

/** ln Γ(z) for z > 0: Stirling's series (6.1.41), from an argument that it is exact for. */
function logGamma(z: number): number {
  let shift = 0;
  let at = z;
  for (; at < 10; at++) shift += Math.log(at);
  const inverse = 1 / (at * at);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / at;
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
