// A median with its confidence interval, from order statistics: true whatever the distribution (Hahn, Meeker 1991, 5.2).

export interface MedianInterval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** Probability that such an interval holds the true median; at least what was asked for, unless `tooFew`. */
  readonly confidence: number;
  /** Not even the least and the greatest value reach what was asked for (95 % need six values): they are given all the same. */
  readonly tooFew: boolean;
  readonly count: number;
}

/**
 * The narrowest interval between two order statistics, symmetric in rank, that holds the median of what the values were
 * drawn from with the probability asked for. Independent values; ties make it wider, never less sure.
 * @param confidence above 0 and below 1
 * @throws RangeError without values, or when one is not a number
 */
export function medianInterval(values: readonly number[], confidence = 0.95): MedianInterval {
  if (values.length === 0) throw new RangeError('no values, no median');
  if (values.some(Number.isNaN)) throw new RangeError('a value is not a number');
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`a confidence lies between 0 and 1, not at ${confidence}`);
  }
  const sorted = values.toSorted((a, b) => a - b);
  const { below, reached } = rankFor(sorted.length, confidence);
  return {
    median: medianOf(sorted),
    low: sorted[below] ?? NaN,
    high: sorted[sorted.length - 1 - below] ?? NaN,
    confidence: reached,
    tooFew: reached < confidence,
    count: sorted.length,
  };
}

/** The middle value, or the mean of the two in the middle. @param sorted in order, at least one */
export function medianOf(sorted: readonly number[]): number {
  const [low = NaN, high = NaN] = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.floor(sorted.length / 2)],
  ];
  return low === high ? low : (low + high) / 2;
}

/**
 * The interval from the (k + 1)th value to the (n − k)th misses the median when at most k of n lie on one side of it, which
 * is binomial: 1 − 2 P(B(n, ½) ≤ k). The greatest k that leaves what was asked for.
 */
function rankFor(count: number, confidence: number): { below: number; reached: number } {
  const n = BigInt(count);
  let ways = 1n; // C(n, k)
  let sum = 1n;
  let best = { below: 0, reached: inside(sum, count) };
  for (let k = 1; 2 * k < count; k++) {
    ways = (ways * (n - BigInt(k) + 1n)) / BigInt(k);
    sum += ways;
    const reached = inside(sum, count);
    if (reached < confidence) break;
    best = { below: k, reached };
  }
  return best;
}

/** 1 − 2 · sum / 2ⁿ, to sixty binary places. */
function inside(sum: bigint, count: number): number {
  const places = 60n;
  return 1 - Number(((2n * sum) << places) >> BigInt(count)) / 2 ** 60;
}
