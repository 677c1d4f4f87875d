// Time that passes only when everybody waits for it: a run of minutes takes milliseconds and is the same each time.
import type { LoopClock } from '../load/clock.js';

interface Sleeper {
  readonly untilMs: number;
  readonly wake: () => void;
}

export class VirtualClock implements LoopClock {
  #nowMs = 0;
  #sleepers: Sleeper[] = [];

  /** @param lateMs what timers are late by, as a busy machine's are */
  constructor(private readonly lateMs: () => number = () => 0) {}

  nowMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms + this.lateMs();
    return new Promise((wake) => {
      this.#sleepers.push({ untilMs, wake });
    });
  }

  /** Lets time pass until `work` has settled. */
  async runUntil<T>(work: Promise<T>): Promise<T> {
    const state = { over: false };
    const settled = (): void => {
      state.over = true;
    };
    work.then(settled, settled);
    while (!state.over) {
      this.#wakeNext();
      // Everything that can go on without time passing does so first.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return work;
  }

  #wakeNext(): void {
    const nextMs = Math.min(...this.#sleepers.map(({ untilMs }) => untilMs));
    if (!Number.isFinite(nextMs)) throw new Error('everybody waits, and nobody for the clock');
    this.#nowMs = Math.max(this.#nowMs, nextMs);
    const due = this.#sleepers.filter(({ untilMs }) => untilMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter(({ untilMs }) => untilMs > this.#nowMs);
    for (const { wake } of due) wake();
  }
}
