// A platform that answers after a millisecond, but stands still for a while in the middle: what an instrument that waits
// for answers before it offers more would never notice. Its address says when: `{ fromMs, untilMs }` since it started.
import type { Answer, Call, Connection, Platform } from '../platforms/index.js';
import { CallError } from '../platforms/index.js';
import { platform as nothing } from '../platforms/null.js';

export const STALL = { fromMs: 1500, untilMs: 2000 } as const;
const SERVICE_MS = 1;

class StallingConnection implements Connection {
  #firstMs: number | undefined;
  #count = 0;

  async call({ kind }: Call): Promise<Answer> {
    this.#firstMs ??= performance.now();
    const sinceMs = performance.now() - this.#firstMs;
    const stallMs =
      sinceMs >= STALL.fromMs && sinceMs < STALL.untilMs ? STALL.untilMs - sinceMs : 0;
    await new Promise((resolve) => setTimeout(resolve, SERVICE_MS + stallMs));
    this.#count++;
    if (kind === 'lose') return new Promise(() => undefined);
    if (kind === 'fail') throw new CallError('FAILED', 'out of order');
    if (kind === 'conflict') throw new CallError('CONFLICTED', 'others were first', 6);
    if (kind === 'refuse') return { status: 'refused', code: 'NOT_NOW', attempts: 1 };
    const place = { block: 1, transactionId: `t${this.#count % 10}`, position: 0 };
    return { status: 'applied', attempts: 1, place };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export const platform: Platform = {
  ...nothing,
  name: 'stalling',
  summary: 'stands still for half a second',
  window: 100,
  start: async (setting) => ({
    ...(await nothing.start(setting)),
    built: 'for a test',
    switchedOff: [],
  }),
  connect: () => Promise.resolve(new StallingConnection()),
};
