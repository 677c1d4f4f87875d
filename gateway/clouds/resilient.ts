// Time-outs and retries with jitter around any cloud. A write whose outcome is not known is settled by reading the
// object back; a read that breaks off goes on where it stopped, for objects never change.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { letGo, releasing } from './body.js';
import { CloudError } from './cloud.js';
import type {
  ByteRange,
  CallOptions,
  Cloud,
  CloudBody,
  CloudObject,
  CloudPage,
  CloudRead,
} from './cloud.js';

export interface ResiliencePolicy {
  /** Attempts in all, the first one included. */
  readonly attempts: number;
  /** The longest silence: a call without an answer, a body without a chunk. */
  readonly timeoutMs: number;
  /** The slowest transfer, measured over `timeoutMs` at a time. Default: none is too slow. */
  readonly minBytesPerSecond?: number;
  /** Wait before the second attempt; doubles each time, at most `maxBackoffMs`. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** A number from 0 to 1: full jitter takes that part of the wait. Default `Math.random`. */
  readonly jitter?: () => number;
  /** Hears of each failed attempt, for the metrics. */
  readonly onFailure?: (error: CloudError, operation: string) => void;
}

/** Wraps a cloud. The result keeps the port's contract and adds TIMEOUT. */
export function resilient(cloud: Cloud, policy: ResiliencePolicy): Cloud {
  return new ResilientCloud(cloud, policy);
}

class ResilientCloud implements Cloud {
  readonly name: string;

  constructor(
    private readonly cloud: Cloud,
    private readonly policy: ResiliencePolicy,
  ) {
    this.name = cloud.name;
  }

  async putIfAbsent(
    objectName: string,
    body: CloudBody,
    options: CallOptions & { readonly sha256: string },
  ): Promise<CloudObject> {
    const earlier = { ambiguous: false };
    try {
      return await this.retried('put', options, (signal, extend) => {
        const paced = this.pacedBody(body, extend);
        return this.cloud
          .putIfAbsent(objectName, paced, { ...options, signal })
          .catch((error: unknown) => {
            if (!(error instanceof CloudError) || ambiguous.has(error.code))
              earlier.ambiguous = true;
            throw error;
          });
      });
    } catch (error) {
      // An earlier attempt may have written before it failed: then the object in the way is our own.
      const mayBeOurs = error instanceof CloudError && error.code === 'EXISTS' && earlier.ambiguous;
      if (mayBeOurs && (await this.sha256Of(objectName, options)) === options.sha256) {
        return this.head(objectName, options);
      }
      throw error;
    }
  }

  async get(
    objectName: string,
    options: CallOptions & { readonly range?: ByteRange } = {},
  ): Promise<CloudRead> {
    const first = await this.open(objectName, options);
    const opened: { body: AsyncIterator<Uint8Array> } = {
      body: first.body[Symbol.asyncIterator](),
    };
    const chunks = this.resumed(objectName, options, first, opened);
    return {
      ...first,
      body: releasing(chunks, () => {
        letGo(opened.body);
        return Promise.resolve();
      }),
    };
  }

  head(objectName: string, options: CallOptions = {}): Promise<CloudObject> {
    return this.retried('head', options, (signal) => this.cloud.head(objectName, { signal }));
  }

  delete(objectName: string, options: CallOptions = {}): Promise<void> {
    return this.retried('delete', options, (signal) => this.cloud.delete(objectName, { signal }));
  }

  list(
    prefix: string,
    options: CallOptions & { readonly cursor?: string; readonly limit?: number } = {},
  ): Promise<CloudPage> {
    return this.retried('list', options, (signal) =>
      this.cloud.list(prefix, { ...options, signal }),
    );
  }

  private open(
    objectName: string,
    options: CallOptions & { readonly range?: ByteRange },
  ): Promise<CloudRead> {
    return this.retried('get', options, async (attempt) => {
      // The body outlives this call, so it gets the caller's signal, not the attempt's.
      const read = await this.cloud.get(objectName, options);
      if (attempt.aborted) letGo(read.body[Symbol.asyncIterator]()); // came after its time-out
      return read;
    });
  }

  private async *resumed(
    objectName: string,
    options: CallOptions & { readonly range?: ByteRange },
    first: CloudRead,
    opened: { body: AsyncIterator<Uint8Array> },
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const start = options.range?.start ?? 0;
    const end = Math.min(options.range?.end ?? first.sizeBytes - 1, first.sizeBytes - 1);
    let at = start;
    let failures = 0;
    let pace = this.newPace();
    try {
      for (;;) {
        try {
          const asked = performance.now();
          const next = await this.inTime('get', options.signal, () => opened.body.next());
          if (next.done === true) return;
          at += next.value.length;
          // Only the time that the cloud took: a slow reader is not its fault.
          const tookMs = performance.now() - asked;
          yield next.value;
          if (pace.keeps(next.value.length, tookMs)) failures = 0;
        } catch (error) {
          failures += 1;
          await this.afterFailure('get', error, failures, options.signal);
          letGo(opened.body);
          if (at > end) return;
          const again = await this.open(objectName, { ...options, range: { start: at, end } });
          pace = this.newPace();
          opened.body = again.body[Symbol.asyncIterator]();
        }
      }
    } finally {
      letGo(opened.body);
    }
  }

  /** Counts what a body brings. `keeps` says whether it is quick enough so far. */
  private newPace(): { keeps(bytes: number, tookMs: number): boolean } {
    const { minBytesPerSecond = 0, timeoutMs } = this.policy;
    let [bytes, tookMs] = [0, 0];
    return {
      keeps: (more, moreMs) => {
        bytes += more;
        tookMs += moreMs;
        const enough = bytes * 1000 >= minBytesPerSecond * tookMs;
        if (tookMs >= timeoutMs) {
          if (!enough) throw this.silent('get', 'too slow');
          [bytes, tookMs] = [0, 0];
        }
        return enough;
      },
    };
  }

  /** A long body may take its time as long as it moves: each chunk that is taken extends the put's. */
  private pacedBody(body: CloudBody, extend: (bytes: number) => void): CloudBody {
    if (typeof body !== 'function') {
      extend(body.length);
      return body;
    }
    return async function* () {
      for await (const chunk of body()) {
        extend(chunk.length);
        yield chunk;
      }
    };
  }

  private silent(operation: string, how = 'silent'): CloudError {
    const message = `The cloud was ${how} during ${operation}.`;
    return new CloudError('TIMEOUT', message, { cloud: this.name });
  }

  private async sha256Of(objectName: string, options: CallOptions): Promise<string> {
    const hash = createHash('sha256');
    const { signal } = options;
    const { body } = await this.get(objectName, signal === undefined ? {} : { signal });
    for await (const chunk of body) hash.update(chunk);
    return hash.digest('hex');
  }

  private async retried<T>(
    operation: string,
    { signal }: CallOptions,
    work: (signal: AbortSignal, extend: (bytes: number) => void) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.inTime(operation, signal, work);
      } catch (error) {
        await this.afterFailure(operation, error, attempt, signal);
      }
    }
  }

  /** Waits before the next attempt, or throws when there is to be none. */
  private async afterFailure(
    operation: string,
    error: unknown,
    attempt: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const failure = this.toCloudError(error);
    if (signal?.aborted === true) throw this.aborted(signal);
    this.policy.onFailure?.(failure, operation);
    if (!worthAnother.has(failure.code) || attempt >= this.policy.attempts) throw failure;
    const { backoffMs, maxBackoffMs, jitter = Math.random } = this.policy;
    const ceiling = Math.min(maxBackoffMs, backoffMs * 2 ** (attempt - 1));
    try {
      await sleep(ceiling * jitter(), undefined, signal === undefined ? {} : { signal });
    } catch {
      throw this.aborted(signal);
    }
  }

  private async inTime<T>(
    operation: string,
    outer: AbortSignal | undefined,
    work: (signal: AbortSignal, extend: (bytes: number) => void) => Promise<T>,
  ): Promise<T> {
    if (outer?.aborted === true) throw this.aborted(outer);
    const inner = new AbortController();
    return new Promise<T>((resolve, reject) => {
      const stop = (error: CloudError): void => {
        reject(error);
        inner.abort();
      };
      const onAbort = (): void => stop(this.aborted(outer));
      const { timeoutMs, minBytesPerSecond } = this.policy;
      let timer = setTimeout(() => stop(this.silent(operation)), timeoutMs);
      let [granted, over] = [0, false];
      const extend = (bytes: number): void => {
        if (over) return;
        granted += bytes;
        const transferMs =
          minBytesPerSecond === undefined ? 0 : (granted * 1000) / minBytesPerSecond;
        clearTimeout(timer);
        timer = setTimeout(
          () => stop(this.silent(operation)),
          timeoutMs + Math.min(transferMs, LONGEST_MS),
        );
      };
      outer?.addEventListener('abort', onAbort, { once: true });
      work(inner.signal, extend)
        .then(resolve, (error: unknown) => reject(this.toCloudError(error)))
        .finally(() => {
          over = true;
          clearTimeout(timer);
          outer?.removeEventListener('abort', onAbort);
        });
    });
  }

  private toCloudError(error: unknown): CloudError {
    if (error instanceof CloudError) return error;
    const options = { cause: error };
    return new CloudError(
      'UNAVAILABLE',
      'The cloud failed in an unexpected way.',
      { cloud: this.name },
      options,
    );
  }

  private aborted(signal: AbortSignal | undefined): CloudError {
    return new CloudError(
      'ABORTED',
      'The caller gave up.',
      { cloud: this.name },
      { cause: signal?.reason },
    );
  }
}

/** What a timer can hold. */
const LONGEST_MS = 2 ** 31 - 1 - 3_600_000;
const worthAnother: ReadonlySet<string> = new Set(['UNAVAILABLE', 'TIMEOUT']);
const ambiguous: ReadonlySet<string> = new Set(['UNAVAILABLE', 'TIMEOUT', 'ABORTED']);
