// Hiding and revealing off the event loop, in worker threads, behind a bounded queue.
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { PartKeys } from '../cipher/index.js';
import type {
  HideCiphertextRequest,
  HideRequest,
  HideResult,
  RevealRequest,
} from '../container/index.js';
import type { Cover, ReadCoverOptions, SyntheticCoverRequest } from '../cover/index.js';
import { StegoError } from '../errors.js';
import type { DecodeOptions, RgbImage } from '../png/index.js';
import type { Analysis } from '../steganalysis/index.js';
import type { JobName, Jobs, Reply } from './tasks.js';

/** Size of a {@link StegoPool}. */
export interface StegoPoolOptions {
  /** Worker threads; default: one less than the processors, at least 1. */
  readonly threads?: number;
  /** Jobs that may wait; one more is refused with POOL_FULL. Default 64. */
  readonly maxQueue?: number;
}

/** The library's slow calls, run by worker threads. Same arguments, answers and errors. */
export class StegoPool {
  readonly #piscina: Piscina<unknown, Reply>;
  readonly #limit: number;
  #running = 0;
  #closed = false;

  constructor(options: StegoPoolOptions = {}) {
    const threads = options.threads ?? Math.max(1, availableParallelism() - 1);
    const maxQueue = options.maxQueue ?? 64;
    for (const [name, value] of Object.entries({ threads, maxQueue })) {
      if (!Number.isInteger(value) || value < (name === 'threads' ? 1 : 0)) {
        throw new StegoError('BAD_ARGUMENT', `${name} must be a whole number`, { [name]: value });
      }
    }
    this.#limit = threads + maxQueue;
    this.#piscina = new Piscina<unknown, Reply>({
      filename: new URL('./worker.js', import.meta.url).href,
      minThreads: 1,
      maxThreads: threads,
    });
  }

  /** Jobs that wait or run. */
  get running(): number {
    return this.#running;
  }

  /** See `hide`. @throws StegoError also POOL_FULL, POOL_CLOSED */
  hide(request: HideRequest): Promise<HideResult> {
    return this.#run('hide', request);
  }

  /** See `hideCiphertext`. @throws StegoError also POOL_FULL, POOL_CLOSED */
  hideCiphertext(request: HideCiphertextRequest): Promise<HideResult> {
    return this.#run('hideCiphertext', request);
  }

  /** See `reveal`. @throws StegoError also POOL_FULL, POOL_CLOSED */
  reveal(request: RevealRequest): Promise<Uint8Array> {
    return this.#run('reveal', request);
  }

  /** See `extractCiphertext`. @throws StegoError also POOL_FULL, POOL_CLOSED */
  extractCiphertext(
    images: readonly Uint8Array[],
    partKeys: readonly PartKeys[],
    options: DecodeOptions = {},
  ): Promise<Uint8Array> {
    return this.#run('extract', { images, partKeys, options });
  }

  /** See `readCover`. @throws StegoError also POOL_FULL, POOL_CLOSED */
  readCover(bytes: Uint8Array, options: ReadCoverOptions = {}): Promise<Cover> {
    return this.#run('readCover', { bytes, options });
  }

  /** See `synthesiseCover`. @throws StegoError also POOL_FULL, POOL_CLOSED */
  synthesiseCover(request: SyntheticCoverRequest): Promise<Cover> {
    return this.#run('synthesiseCover', request);
  }

  /** See `analyse`. @throws StegoError also POOL_FULL, POOL_CLOSED */
  analyse(image: RgbImage): Promise<Analysis> {
    return this.#run('analyse', image);
  }

  /** Ends the workers; jobs still waiting or running fail with POOL_CLOSED. */
  async destroy(): Promise<void> {
    this.#closed = true;
    await this.#piscina.destroy();
  }

  async #run<J extends JobName>(job: J, request: Jobs[J]['request']): Promise<Jobs[J]['answer']> {
    if (this.#closed) throw new StegoError('POOL_CLOSED', 'the worker pool was closed');
    if (this.#running >= this.#limit) {
      throw new StegoError('POOL_FULL', 'too many images are being worked on: try again later', {
        jobs: this.#running,
      });
    }
    this.#running += 1;
    try {
      const reply = await this.#submit({ job, request });
      if (!reply.ok) throw new StegoError(reply.code, reply.message, reply.ids);
      return reply.answer as Jobs[J]['answer'];
    } finally {
      this.#running -= 1;
    }
  }

  async #submit(task: unknown): Promise<Reply> {
    try {
      return await this.#piscina.run(task);
    } catch (cause) {
      if (!this.#closed) throw cause;
      throw new StegoError('POOL_CLOSED', 'the worker pool was closed', {}, { cause });
    }
  }
}
