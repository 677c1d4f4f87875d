// Latencies as an HDR histogram (Tene), with what never ended counted beyond every value. Histograms of several generators
// are added up; percentiles are taken from the sum and never averaged.
import * as hdr from 'hdr-histogram-js';
import type { Percentiles } from '../results/result.js';

/** A percentile q says something only with so many values beyond it: n(1 − q) ≥ 100. */
export const VALUES_BEYOND = 100;

const QUANTILES = { p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999 } as const;

export interface EncodedLatencies {
  /** HDR V2, compressed, base64; microseconds. */
  readonly histogram: string;
  readonly over: number;
  readonly sumMs: number;
}

export class Latencies {
  #histogram: hdr.Histogram;
  #over = 0;
  #sumMs = 0;

  /** @param digits significant decimal digits that are kept: three are a value within 0.1 %, or half a microsecond */
  constructor(digits: 1 | 2 | 3 | 4 | 5 = 3) {
    this.#histogram = hdr.build({
      bitBucketSize: 32,
      lowestDiscernibleValue: 1,
      highestTrackableValue: 2,
      autoResize: true,
      numberOfSignificantValueDigits: digits,
    });
  }

  get count(): number {
    return this.#histogram.totalCount + this.#over;
  }

  /** Values that are not beyond the time-out. */
  get ended(): number {
    return this.#histogram.totalCount;
  }

  /** Below zero counts as zero. @throws RangeError when it is no finite number, which the histogram would take in silence */
  record(ms: number): void {
    if (!Number.isFinite(ms)) throw new RangeError(`a latency is a number, not ${ms}`);
    const value = Math.max(0, ms);
    this.#histogram.recordValue(Math.round(value * 1000));
    this.#sumMs += value;
  }

  /** Something failed or was lost: beyond the time-out, whatever that is. */
  recordOver(count = 1): void {
    this.#over += count;
  }

  add(other: Latencies): void {
    this.#histogram.add(other.#histogram);
    this.#over += other.#over;
    this.#sumMs += other.#sumMs;
  }

  /** Mean of the values that ended; null without any. */
  get meanMs(): number | null {
    return this.ended === 0 ? null : this.#sumMs / this.ended;
  }

  /** The smallest value that at least `q` of all values don't exceed; `over` when it lies beyond the time-out. */
  quantileMs(q: number): number | 'over' | null {
    if (this.count === 0) return null;
    // A product such as 0.999 · 10⁷ may be a little above the whole number that it stands for.
    const rank = Math.max(1, Math.ceil(q * this.count * (1 - 2 * Number.EPSILON)));
    if (rank > this.ended) return 'over';
    // HDR takes a percentile of what it holds itself; half a rank keeps rounding from choosing a neighbour.
    const own = ((rank - 0.5) / this.ended) * 100;
    return this.#histogram.getValueAtPercentile(own) / 1000;
  }

  /** @param timeOutMs what stands for a value beyond it */
  percentiles(timeOutMs: number): Percentiles {
    const over: string[] = [];
    const shown = (name: string, value: number | 'over' | null): number | null => {
      if (value !== 'over') return value;
      over.push(name);
      return timeOutMs;
    };
    const at = (name: keyof typeof QUANTILES): number | null => {
      const q = QUANTILES[name];
      if (this.count * (1 - q) < VALUES_BEYOND - 1e-6) return null;
      return shown(name, this.quantileMs(q));
    };
    return {
      count: this.count,
      mean: this.meanMs,
      p50: at('p50'),
      p90: at('p90'),
      p99: at('p99'),
      p999: at('p999'),
      max: shown('max', this.quantileMs(1)),
      over,
    };
  }

  encode(): EncodedLatencies {
    const histogram = hdr.encodeIntoCompressedBase64(this.#histogram);
    return { histogram, over: this.#over, sumMs: this.#sumMs };
  }

  static decode({ histogram, over, sumMs }: EncodedLatencies): Latencies {
    const latencies = new Latencies();
    latencies.#histogram = hdr.decodeFromCompressedBase64(histogram, 32);
    latencies.#histogram.autoResize = true;
    latencies.#over = over;
    latencies.#sumMs = sumMs;
    return latencies;
  }
}
