// No platform at all: answers at once, keeps nothing. What is measured on it is the harness itself.
import type { Answer, Connection, Platform } from './platform.js';

const APPLIED: Answer = { status: 'applied', attempts: 1 };

class NullConnection implements Connection {
  readonly #answer = Promise.resolve(APPLIED);

  call(): Promise<Answer> {
    return this.#answer;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export const platform: Platform = {
  name: 'null',
  summary: 'answers at once and keeps nothing: measures the harness',
  trust: 'none',
  window: 4096,
  lanes: 1,
  batch: 1,
  missing: () => Promise.resolve(undefined),
  start: () =>
    Promise.resolve({
      version: '1',
      built: 'part of the harness',
      switchedOff: ['everything'],
      processes: [],
      address: null,
      ended: new Promise<string>(() => undefined),
      stop: () => Promise.resolve(),
    }),
  connect: () => Promise.resolve(new NullConnection()),
};
