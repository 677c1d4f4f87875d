// Time as the loops see it; tests put a virtual one in its place.

export interface LoopClock {
  /** Milliseconds since the run's start, with a fraction. */
  nowMs(): number;
  /** Waits at least about so long; zero: lets others have a turn. */
  sleep(ms: number): Promise<void>;
}

/** The machine's monotonic clock, from `originMs` of `performance.now()` on. */
export class MachineClock implements LoopClock {
  constructor(private readonly originMs: number) {}

  nowMs(): number {
    return performance.now() - this.originMs;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (ms <= 0) setImmediate(resolve);
      else setTimeout(resolve, ms);
    });
  }
}
