// Verifications of an open ledger, one at a time: each takes a processor and as much disk as the state.
import { LedgerError } from '../ledger.js';
import type { VerificationReport, VerifyOptions } from './verify.js';

/** What may be asked of a ledger that is open. */
export type VerifyRequest = Pick<VerifyOptions, 'expect' | 'onProgress' | 'tempDir'>;

export interface VerificationsOptions {
  readonly height: () => number;
  /** Only different requests wait side by side, so a few are more than honest use needs. */
  readonly most: number;
  readonly verify: (request: VerifyRequest) => Promise<VerificationReport>;
}

type Listener = NonNullable<VerifyRequest['onProgress']>;

interface Run {
  /** What it was asked besides whom to tell: equal words get equal reports. */
  readonly words: string;
  readonly listeners: Listener[];
  readonly report: Promise<VerificationReport>;
  /** Height when its turn came; undefined while it waits. */
  beganAt: number | undefined;
}

export class Verifications {
  /** The first one runs, the others wait. */
  readonly #runs: Run[] = [];

  constructor(private readonly options: VerificationsOptions) {}

  /**
   * Shares a verification that answers the request, or queues one.
   * @throws LedgerError UNAVAILABLE
   */
  async ask(request: VerifyRequest): Promise<VerificationReport> {
    const { expect = [], tempDir, onProgress } = request;
    const words = JSON.stringify([expect.map(({ block, hash }) => [block, hash]), tempDir ?? null]);
    const run = this.#shared(words) ?? this.#queue(words, request);
    if (onProgress !== undefined) run.listeners.push(onProgress);
    return run.report;
  }

  /** One that waits will see all that is there now; one that runs does if nothing was added since. */
  #shared(words: string): Run | undefined {
    const height = this.options.height();
    return this.#runs.find(
      (run) => run.words === words && (run.beganAt === undefined || run.beganAt === height),
    );
  }

  #queue(words: string, request: VerifyRequest): Run {
    const { most } = this.options;
    if (this.#runs.length >= most) {
      throw new LedgerError('UNAVAILABLE', `${most} verifications are under way or waiting`);
    }
    const before = this.#runs.at(-1)?.report;
    const listeners: Listener[] = [];
    const onProgress: Listener = (progress) => {
      for (const listener of listeners) listener(progress);
    };
    const begin = (): Promise<VerificationReport> => {
      run.beganAt = this.options.height();
      return this.options.verify({ ...request, onProgress });
    };
    // However the one before ends, its end is the next one's turn.
    const turn = before === undefined ? Promise.resolve() : before.then(ignore, ignore);
    const report = turn.then(begin).finally(() => void this.#runs.shift());
    const run: Run = { words, listeners, report, beganAt: undefined };
    this.#runs.push(run);
    return run;
  }
}

function ignore(): void {
  // Its own callers hear of it.
}
