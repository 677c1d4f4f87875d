// The generators' threads of one run: started, set off together, stopped, and listened to.
import { Worker } from 'node:worker_threads';
import { BenchError } from '../errors.js';
import type { FromGenerator, GeneratorPlan, Progress, ToGenerator } from './plan.js';
import type { EncodedTally } from './tally.js';

const THREAD = new URL('./generator.thread.js', import.meta.url);
/** From the moment that all are ready until the first call is due. */
const RUN_UP_MS = 100;
/** Presigned calls and streams' state live here; the default of half a gigabyte or so is too little. */
const HEAP_MB = 4096;

export interface GeneratorReport {
  readonly tally: EncodedTally;
  readonly processorMs: number;
  readonly ranMs: number;
}

interface Member {
  readonly worker: Worker;
  readonly ready: Promise<void>;
  readonly done: Promise<GeneratorReport>;
  progress: Progress;
}

export class Crew {
  readonly #members: readonly Member[];

  constructor(plans: readonly GeneratorPlan[]) {
    this.#members = plans.map(memberOf);
  }

  /** Settles when every generator has its stream: presigned calls are signed by then. @throws BenchError GENERATOR */
  async ready(): Promise<void> {
    await Promise.all(this.#members.map(({ ready }) => ready));
  }

  /** Sets all of them off. @returns the moment at which the first call is due, milliseconds since the epoch */
  start(): number {
    const atEpochMs = Date.now() + RUN_UP_MS;
    this.#tell({ say: 'start', atEpochMs });
    return atEpochMs;
  }

  /** Nothing more is offered; what is under way gets a moment. */
  stop(): void {
    this.#tell({ say: 'stop' });
  }

  /** @throws BenchError GENERATOR */
  done(): Promise<GeneratorReport[]> {
    return Promise.all(this.#members.map(({ done }) => done));
  }

  progress(): Progress {
    let [offered, ended, failed] = [0, 0, 0];
    for (const { progress } of this.#members) {
      offered += progress.offered;
      ended += progress.ended;
      failed += progress.failed;
    }
    return { offered, ended, failed };
  }

  /** Ends all threads, whatever they do. */
  async end(): Promise<void> {
    await Promise.all(this.#members.map(({ worker }) => worker.terminate()));
  }

  #tell(message: ToGenerator): void {
    for (const { worker } of this.#members) worker.postMessage(message);
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: Deferred<T>['resolve'] = () => undefined;
  let reject: Deferred<T>['reject'] = () => undefined;
  const promise = new Promise<T>((accept, refuse) => {
    [resolve, reject] = [accept, refuse];
  });
  return { promise, resolve, reject };
}

function memberOf(plan: GeneratorPlan): Member {
  const worker = new Worker(THREAD, {
    workerData: plan,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 64 },
  });
  const ready = deferred<undefined>();
  const done = deferred<GeneratorReport>();
  const member = {
    worker,
    ready: ready.promise,
    done: done.promise,
    progress: { offered: 0, ended: 0, failed: 0 },
  };
  const fail = (message: string): void => {
    const error = new BenchError('GENERATOR', `generator ${plan.share.generator}: ${message}`);
    ready.reject(error);
    done.reject(error);
  };
  // Whoever waits for neither must not bring the process down.
  ready.promise.catch(() => undefined);
  done.promise.catch(() => undefined);
  worker.on('message', (message: FromGenerator) => {
    if (message.say === 'ready') ready.resolve(undefined);
    else if (message.say === 'done') done.resolve(message);
    else if (message.say === 'failed') fail(message.message);
    else member.progress = message;
  });
  worker.on('error', (error) => {
    fail(error.message);
  });
  worker.on('exit', (code) => {
    fail(`the thread ended by itself (${code})`);
  });
  return member;
}
