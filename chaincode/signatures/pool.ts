// Checks many signatures at once, off the main thread: a batch is cut into one piece a thread. Small batches are checked
// on the spot, since a message to a thread costs more than a few checks.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { isSignedBy, type SignatureCheck } from './verify.js';

/** Answers in the order of the checks. */
export interface SignatureVerifier {
  verify(checks: readonly SignatureCheck[]): Promise<boolean[]>;
}

/** Checks on the calling thread. */
export const inlineVerifier: SignatureVerifier = {
  verify: (checks) => Promise.resolve(checks.map(isSignedBy)),
};

const INLINE_UP_TO = 12;

interface Waiting {
  readonly settle: (answers: boolean[]) => void;
  readonly fail: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
}

export class ThreadedVerifier implements SignatureVerifier {
  readonly #threads: Thread[] = [];
  #ticket = 0;
  #turn = 0;

  /** @param size threads to start, when the first large batch comes */
  constructor(private readonly size = Math.min(4, availableParallelism())) {}

  async verify(checks: readonly SignatureCheck[]): Promise<boolean[]> {
    if (checks.length <= INLINE_UP_TO) return inlineVerifier.verify(checks);
    const threads = this.#all();
    const share = Math.ceil(checks.length / threads.length);
    const answers = threads.map((thread, i) =>
      this.#ask(thread, checks.slice(i * share, (i + 1) * share)),
    );
    return (await Promise.all(answers)).flat();
  }

  /** Checks on one thread, on another with each call: for whoever has many pieces under way. Rejects when it ends. */
  verifyOnOne(checks: readonly SignatureCheck[]): Promise<boolean[]> {
    const threads = this.#all();
    const thread = threads[this.#turn++ % threads.length];
    return thread ? this.#ask(thread, checks) : inlineVerifier.verify(checks);
  }

  #all(): readonly Thread[] {
    while (this.#threads.length < this.size) this.#threads.push(this.#start());
    return this.#threads;
  }

  #ask(thread: Thread, checks: readonly SignatureCheck[]): Promise<boolean[]> {
    if (checks.length === 0) return Promise.resolve([]);
    const ticket = this.#ticket++;
    thread.worker.ref();
    return new Promise((settle, fail) => {
      thread.waiting.set(ticket, { settle, fail });
      thread.worker.postMessage({ ticket, checks });
    });
  }

  #start(): Thread {
    const worker = new Worker(new URL('./worker.js', import.meta.url));
    const thread: Thread = { worker, waiting: new Map() };
    worker.on('message', ({ ticket, answers }: { ticket: number; answers: boolean[] }) => {
      thread.waiting.get(ticket)?.settle(answers);
      thread.waiting.delete(ticket);
      if (thread.waiting.size === 0) worker.unref();
    });
    // A thread keeps the process alive only while somebody waits for it. Behind the listener above, which takes hold of it.
    worker.unref();
    worker.on('error', (error: Error) => this.#drop(thread, error));
    worker.on('exit', () => this.#drop(thread, new Error('a signature thread ended')));
    return thread;
  }

  /** A thread that died takes its questions with it; the next batch starts another. */
  #drop(thread: Thread, error: Error): void {
    const place = this.#threads.indexOf(thread);
    if (place >= 0) this.#threads.splice(place, 1);
    for (const { fail } of thread.waiting.values()) fail(error);
    thread.waiting.clear();
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map(({ worker }) => worker.terminate()));
  }
}
