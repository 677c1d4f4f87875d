// The loops that make load. Open: calls are due by a schedule, whatever became of those before; what the window can't take
// waits here with its clock running. Closed: so many calls are always under way, each counted from its own start.
import type { LoopClock } from './clock.js';
import type { Schedule } from './schedule.js';

export interface LoopEvents {
  /** A call was found to be due, so much later than it should have been. */
  readonly due: (intendedMs: number, latenessMs: number) => void;
  /** Sends one call; settles when it has ended, however it did. Never rejects. */
  readonly send: (intendedMs: number) => Promise<void>;
}

export interface LoopOptions extends LoopEvents {
  readonly clock: LoopClock;
  /** Calls under way at most. */
  readonly window: number;
  /** How long what is under way may take after the last call was due. */
  readonly drainMs: number;
  /** Aborted: nothing more is offered, and what is under way is drained. */
  readonly signal: AbortSignal;
}

/** What was not done when the loop ended. */
export interface LoopEnd {
  /** Due, and never sent. */
  readonly unsent: readonly number[];
  /** Sent, and not answered. */
  readonly unanswered: number;
}

/** So many calls are noticed before others have a turn. */
const NOTICED_AT_ONCE = 256;
/** Timers of Node have whole milliseconds. */
const TICK_MS = 1;
const POLL_MS = 5;

class Window {
  #underWay = 0;
  readonly #waiting: number[] = [];
  #head = 0;

  constructor(private readonly options: Pick<LoopOptions, 'window' | 'send'>) {}

  get underWay(): number {
    return this.#underWay;
  }

  get idle(): boolean {
    return this.#underWay === 0 && this.#head === this.#waiting.length;
  }

  offer(intendedMs: number): void {
    this.#waiting.push(intendedMs);
    this.#fill();
  }

  /** What waits still; none of it is sent any more. */
  giveUp(): number[] {
    const unsent = this.#waiting.slice(this.#head);
    this.#waiting.length = 0;
    this.#head = 0;
    return unsent;
  }

  #fill(): void {
    while (this.#underWay < this.options.window) {
      const intendedMs = this.#waiting[this.#head];
      if (intendedMs === undefined) break;
      this.#head++;
      this.#underWay++;
      void this.options.send(intendedMs).then(() => {
        this.#underWay--;
        this.#fill();
      });
    }
    if (this.#head === this.#waiting.length || this.#head > 4096) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

/** Runs the schedule to its end, then drains. */
export async function openLoop(schedule: Schedule, options: LoopOptions): Promise<LoopEnd> {
  const { clock, signal, due } = options;
  const window = new Window(options);
  let next = schedule.next();
  while (next !== undefined && !signal.aborted) {
    const nowMs = clock.nowMs();
    let noticed = 0;
    while (next !== undefined && next <= nowMs && noticed < NOTICED_AT_ONCE) {
      due(next, nowMs - next);
      window.offer(next);
      noticed++;
      next = schedule.next();
    }
    if (next === undefined) break;
    const waitMs = next - clock.nowMs();
    await clock.sleep(waitMs <= 0 ? 0 : Math.max(TICK_MS, Math.floor(waitMs)));
  }
  return drain(window, options);
}

/** Keeps `options.window` calls under way until `durationMs` is over, then drains. */
export async function closedLoop(durationMs: number, options: LoopOptions): Promise<LoopEnd> {
  const { clock, signal, due, send } = options;
  let underWay = 0;
  const client = async (): Promise<void> => {
    while (clock.nowMs() < durationMs && !signal.aborted) {
      const nowMs = clock.nowMs();
      due(nowMs, 0);
      underWay++;
      await send(nowMs);
      underWay--;
      // A platform that answers at once must not keep everybody else from a turn.
      if (clock.nowMs() === nowMs) await clock.sleep(0);
    }
  };
  const clients = Array.from({ length: options.window }, client);
  const untilMs = durationMs + options.drainMs;
  const timeOut = (async () => {
    while (underWay > 0 || (clock.nowMs() < durationMs && !signal.aborted)) {
      if (clock.nowMs() >= untilMs) return;
      await clock.sleep(POLL_MS);
    }
  })();
  await Promise.race([Promise.all(clients), timeOut]);
  return { unsent: [], unanswered: underWay };
}

async function drain(window: Window, { clock, drainMs }: LoopOptions): Promise<LoopEnd> {
  const untilMs = clock.nowMs() + drainMs;
  while (!window.idle && clock.nowMs() < untilMs) await clock.sleep(POLL_MS);
  return { unsent: window.giveUp(), unanswered: window.underWay };
}
