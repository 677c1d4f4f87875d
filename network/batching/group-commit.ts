// Group commit: many signed operations travel in one transaction.
// Batches form by themselves: while a lane's batch is being committed the next one fills; an idle lane waits for nobody.
import { type Committed, type Ledger, LedgerError, type LedgerErrorCode } from '../ledger.js';
import type { Receipt } from './receipts.js';

/** What bounds it; whoever leaves one out gets its default. */
export interface GroupCommitBounds {
  /** Batches that may be under way at once; operations of one lane never overtake each other. Default 8. */
  readonly lanes: number;
  /** Default 500. */
  readonly maxOperations: number;
  /** Default 256 KiB; no single operation may be larger. */
  readonly maxBytes: number;
  /** Operations that may wait or be under way; beyond it `submit` rejects with UNAVAILABLE. Default 10 000. */
  readonly maxQueued: number;
  /** How often one batch, or one operation that stands alone, is tried. Default 8. */
  readonly maxAttempts: number;
  /** The first pause is up to so long; it doubles with every attempt. Default 10 ms. */
  readonly firstDelayMs: number;
  /** The pauses double up to so long. Default 2 000 ms. */
  readonly maxDelayMs: number;
}

/** `R` is what the chaincode answers for each operation: nothing here looks into it. */
export interface GroupCommitOptions<R> extends Partial<GroupCommitBounds> {
  readonly ledger: Pick<Ledger, 'submit'>;
  readonly chaincode: string;
  /** Takes one argument, operations joined by line feeds; returns their receipts, one a line, in the same order. */
  readonly fn: string;
  /** Reads what `fn` returns: `parseReceipts`, or a chaincode's own reader. What it throws fails the batch, which is not tried again. */
  readonly parseReceipts: (bytes: Uint8Array) => readonly R[];
  /**
   * Default true: what was sent may be sent again, though nobody knows whether it was committed. False: a TIMEOUT is
   * not tried again.
   */
  readonly idempotent?: boolean;
  /** How long one attempt may take. Default: the ledger's own deadline. */
  readonly deadlineMs?: number;
  /** Told of each operation when it begins to wait; must not throw. What it does meanwhile is done when the turn comes. */
  readonly announce?: (line: string) => void;
  /** Uniform in [0, 1). Default Math.random: it spreads retries, and guards nothing. */
  readonly random?: () => number;
  readonly delay?: (ms: number) => Promise<void>;
}

/** A receipt, and where on the ledger its operation lies. */
export interface Located<R> {
  readonly receipt: R;
  readonly transactionId: string;
  readonly blockNumber: number;
  /** Among the operations of its transaction, from 0. */
  readonly position: number;
  /** How often the operation was tried, this time included. */
  readonly attempts: number;
  /** As {@link Committed.stagesMs}. */
  readonly stagesMs?: Readonly<Record<string, number>>;
}

interface Entry<R> {
  attempts: number;
  readonly line: string;
  readonly bytes: number;
  readonly resolve: (located: Located<R>) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane<R> {
  queue: Entry<R>[];
  running: Promise<void> | undefined;
}

/** Cut the batch until the culprit stands alone. */
const HALVED: ReadonlySet<LedgerErrorCode> = new Set([
  'MVCC_CONFLICT',
  'PHANTOM_CONFLICT',
  'CHAINCODE_FAILED',
]);
/** Another moment may bring another answer. */
const TRIED_AGAIN: ReadonlySet<LedgerErrorCode> = new Set([
  'MVCC_CONFLICT',
  'PHANTOM_CONFLICT',
  'UNAVAILABLE',
  'TIMEOUT',
]);

export class GroupCommit<R = Receipt> {
  readonly #lanes: readonly Lane<R>[];
  readonly #options: Required<Omit<GroupCommitOptions<R>, 'deadlineMs'>>;
  readonly #submitOptions: { readonly deadlineMs?: number };
  #pending = 0;
  #closed = false;

  /** @throws LedgerError INVALID for a bound below one */
  constructor(options: GroupCommitOptions<R>) {
    const { deadlineMs, ...given } = options;
    this.#submitOptions = deadlineMs === undefined ? {} : { deadlineMs };
    this.#options = {
      lanes: 8,
      maxOperations: 500,
      maxBytes: 256 * 1024,
      maxQueued: 10_000,
      maxAttempts: 8,
      firstDelayMs: 10,
      idempotent: true,
      maxDelayMs: 2000,
      announce: () => undefined,
      random: Math.random,
      delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      ...given,
    };
    const { lanes, maxOperations, maxBytes, maxQueued, maxAttempts } = this.#options;
    for (const [name, bound] of Object.entries({
      lanes,
      maxOperations,
      maxBytes,
      maxQueued,
      maxAttempts,
    })) {
      if (!Number.isSafeInteger(bound) || bound < 1) {
        throw new LedgerError('INVALID', `${name} must be a whole number above zero`, {
          [name]: bound,
        });
      }
    }
    this.#lanes = Array.from({ length: lanes }, () => ({ queue: [], running: undefined }));
  }

  /** Operations that wait or are under way. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Commits one operation. A refusal is a receipt, not an error.
   * @param line one signed operation; must not hold a line feed
   * @param lane what the operation is about (a patient's id): same lane, same order
   * @throws LedgerError UNAVAILABLE (queue full, or the ledger stayed unreachable) | CLOSED | INVALID |
   *   MVCC_CONFLICT | PHANTOM_CONFLICT | CHAINCODE_FAILED | TIMEOUT | NOT_FOUND
   */
  submit(line: string, lane: string): Promise<R> {
    return this.submitAndLocate(line, lane).then(({ receipt }) => receipt);
  }

  /** As {@link submit}, and says which transaction and block hold the operation. */
  submitAndLocate(line: string, lane: string): Promise<Located<R>> {
    const bytes = Buffer.byteLength(line) + 1;
    const refusal = this.#refusal(line, bytes);
    if (refusal !== undefined) return Promise.reject(refusal);
    const target = this.#lanes[laneOf(lane, this.#lanes.length)];
    if (target === undefined)
      return Promise.reject(new LedgerError('INVALID', 'there are no lanes'));
    return new Promise((resolve, reject) => {
      this.#pending++;
      target.queue.push({ attempts: 0, line, bytes, resolve, reject });
      this.#options.announce(line);
      target.running ??= this.#run(target);
    });
  }

  /** Accepts nothing more and waits until everything accepted has its receipt or error. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { running } of this.#lanes) await running;
  }

  #refusal(line: string, bytes: number): LedgerError | undefined {
    if (this.#closed) return new LedgerError('CLOSED', 'no more operations are accepted');
    if (line === '' || line.includes('\n')) {
      return new LedgerError('INVALID', 'an operation is one line of text, without a line feed');
    }
    if (bytes > this.#options.maxBytes) {
      const message = `an operation may take ${this.#options.maxBytes} bytes, not ${bytes}`;
      return new LedgerError('INVALID', message, { bytes });
    }
    if (this.#pending >= this.#options.maxQueued) {
      const message = `${this.#pending} operations are waiting: try again later`;
      return new LedgerError('UNAVAILABLE', message, { pending: this.#pending });
    }
    return undefined;
  }

  async #run(lane: Lane<R>): Promise<void> {
    // One turn of the loop: operations that arrive together travel together.
    await new Promise((resolve) => setImmediate(resolve));
    while (lane.queue.length > 0) await this.#commit(this.#cut(lane));
    lane.running = undefined;
  }

  #cut(lane: Lane<R>): Entry<R>[] {
    let bytes = 0;
    let count = 0;
    for (const entry of lane.queue) {
      bytes += entry.bytes;
      if (count === this.#options.maxOperations || bytes > this.#options.maxBytes) break;
      count++;
    }
    return lane.queue.splice(0, count);
  }

  /** Never rejects: every entry gets its receipt or its error. */
  async #commit(batch: readonly Entry<R>[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const error = await this.#attempt(batch);
      if (error === undefined) return;
      const known = this.#options.idempotent || error.code !== 'TIMEOUT';
      const again = known && TRIED_AGAIN.has(error.code);
      if (batch.length > 1 && HALVED.has(error.code)) {
        if (again) await this.#pause(attempt);
        const middle = Math.ceil(batch.length / 2);
        await this.#commit(batch.slice(0, middle));
        await this.#commit(batch.slice(middle));
        return;
      }
      if (!again || attempt >= this.#options.maxAttempts) {
        this.#settle(batch, (entry) => entry.reject(error));
        return;
      }
      await this.#pause(attempt);
    }
  }

  /** Settles the batch, or says why the ledger did not take it. */
  async #attempt(batch: readonly Entry<R>[]): Promise<LedgerError | undefined> {
    const { ledger, chaincode, fn } = this.#options;
    let committed: Committed;
    for (const entry of batch) entry.attempts++;
    try {
      const lines = batch.map(({ line }) => line).join('\n');
      committed = await ledger.submit(chaincode, fn, [lines], this.#submitOptions);
    } catch (error) {
      return asLedgerError(error);
    }
    this.#deliver(batch, committed);
    return undefined;
  }

  /** What is committed is not tried again, whatever the receipts look like. */
  #deliver(batch: readonly Entry<R>[], committed: Committed): void {
    const { result, transactionId, blockNumber, stagesMs } = committed;
    let receipts: readonly R[];
    try {
      receipts = this.#options.parseReceipts(result);
    } catch (error) {
      this.#settle(batch, (entry) => entry.reject(asLedgerError(error)));
      return;
    }
    const message = `the chaincode gave ${receipts.length} receipts for ${batch.length} operations`;
    const mismatch = receipts.length === batch.length ? undefined : message;
    this.#settle(batch, (entry, at) => {
      const receipt = receipts[at];
      if (receipt !== undefined && mismatch === undefined) {
        const { attempts } = entry;
        entry.resolve({
          receipt,
          transactionId,
          blockNumber,
          position: at,
          attempts,
          ...(stagesMs !== undefined && { stagesMs }),
        });
      } else {
        entry.reject(
          new LedgerError('CHAINCODE_FAILED', message, { transactionId, block: blockNumber }),
        );
      }
    });
  }

  #settle(batch: readonly Entry<R>[], answer: (entry: Entry<R>, at: number) => void): void {
    this.#pending -= batch.length;
    batch.forEach(answer);
  }

  /** Exponential, with full jitter: gateways that collided should not collide again. */
  async #pause(attempt: number): Promise<void> {
    const { firstDelayMs, maxDelayMs, random, delay } = this.#options;
    await delay(random() * Math.min(maxDelayMs, firstDelayMs * 2 ** (attempt - 1)));
  }
}

/** FNV-1a: spreads ids evenly and is the same in every process. */
function laneOf(lane: string, lanes: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < lane.length; at++) {
    hash = Math.imul(hash ^ lane.charCodeAt(at), 0x01000193);
  }
  return (hash >>> 0) % lanes;
}

function asLedgerError(error: unknown): LedgerError {
  if (error instanceof LedgerError) return error;
  const message = `the ledger failed in an unknown way: ${String(error)}`;
  return new LedgerError('CHAINCODE_FAILED', message, {}, { cause: error });
}
