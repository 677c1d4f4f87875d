// When calls are due. An open loop's schedule does not know how its calls end: that is what makes a stall show.
import type { Random } from '../stats/random.js';

/** Intended starts in milliseconds since the run's start, in order; undefined: no more. */
export interface Schedule {
  next(): number | undefined;
}

/** Evenly spaced; several generators' calls interleave evenly. */
export class ConstantSchedule implements Schedule {
  #count = 0;

  constructor(
    private readonly ratePerSecond: number,
    private readonly durationMs: number,
    private readonly share: { readonly generator: number; readonly generators: number },
  ) {}

  next(): number | undefined {
    const { generator, generators } = this.share;
    const place = this.#count * generators + generator;
    const dueMs = (place * 1000) / this.ratePerSecond;
    if (dueMs >= this.durationMs) return undefined;
    this.#count++;
    return dueMs;
  }
}

/** Independent arrivals: gaps are exponential (each generator's arrivals are a thinned part of the whole). */
export class PoissonSchedule implements Schedule {
  #dueMs = 0;

  constructor(
    private readonly ratePerSecond: number,
    private readonly durationMs: number,
    private readonly random: Random,
  ) {}

  next(): number | undefined {
    this.#dueMs += (-Math.log1p(-this.random()) * 1000) / this.ratePerSecond;
    return this.#dueMs >= this.durationMs ? undefined : this.#dueMs;
  }
}

/** Everything at once: the system execution time of a fixed number of operations. */
export class BurstSchedule implements Schedule {
  #left: number;

  constructor(operations: number) {
    this.#left = operations;
  }

  next(): number | undefined {
    if (this.#left === 0) return undefined;
    this.#left--;
    return 0;
  }
}
