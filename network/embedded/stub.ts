// The chaincode stub of the embedded ledger: what a contract sees of the ledger during one transaction.
// Same promises as Fabric's shim: reads show committed state only, never the transaction's own writes.
import Long from 'long';
import type { Outcome, Proposal } from './block.js';
import {
  checkKey,
  createCompositeKey,
  LIMITS,
  partialCompositeRange,
  simpleRange,
  splitCompositeKey,
} from './keys.js';
import { rangeDigest, type KeyWrite, type RangeRead, type Version } from './read-write-set.js';
import type { KeyModification, StateView, Versioned } from './state.js';
import { NotOffered } from './stub-not-offered.js';
import { StubIterator, iterable, type FabricIterator, type KeyValue } from './stub-iterator.js';

/** A range that a simulation read, with the versions it found; kept in memory until it is validated. */
export interface SeenRange {
  readonly start: string;
  end: string;
  exhausted: boolean;
  readonly results: Map<string, Version>;
}

export interface SimulatedReads {
  readonly reads: ReadonlyMap<string, Version | null>;
  readonly ranges: readonly SeenRange[];
}

interface Page {
  readonly iterator: FabricIterator<KeyValue>;
  readonly metadata: { readonly fetchedRecordsCount: number; readonly bookmark: string };
}

interface PendingRead {
  readonly key: string;
  readonly resolve: (found: Versioned | null) => void;
  readonly reject: (error: unknown) => void;
}

export class Stub extends NotOffered {
  readonly #reads = new Map<string, Version | null>();
  readonly #ranges: SeenRange[] = [];
  readonly #writes = new Map<string, Uint8Array | null>();
  readonly #open = new Set<StubIterator<unknown>>();
  #pending: PendingRead[] = [];
  #paginated = false;
  #event: { name: string; payload: Uint8Array } | null = null;
  #over = false;

  constructor(
    private readonly txId: string,
    private readonly proposal: Proposal,
    private readonly transient: Readonly<Record<string, Uint8Array>>,
    private readonly view: StateView,
    private readonly mspId: string,
  ) {
    super();
  }

  // ---- the proposal

  getArgs(): string[] {
    return [this.proposal.fn, ...this.proposal.args];
  }
  getStringArgs(): string[] {
    return this.getArgs();
  }
  getBufferArgs(): Buffer[] {
    return this.getArgs().map((arg) => Buffer.from(arg));
  }
  getFunctionAndParameters(): { fcn: string; params: string[] } {
    return { fcn: this.proposal.fn, params: [...this.proposal.args] };
  }
  getTxID(): string {
    return this.txId;
  }
  getChannelID(): string {
    return this.proposal.channel;
  }
  getMspID(): string {
    return this.mspId;
  }
  getCreator(): { mspid: string; idBytes: Uint8Array } {
    const { mspId, certificate } = this.proposal.creator;
    return { mspid: mspId, idBytes: Buffer.from(certificate) };
  }
  getTransient(): Map<string, Buffer> {
    return new Map(
      Object.entries(this.transient).map(([name, value]) => [name, Buffer.from(value)]),
    );
  }
  getTxTimestamp(): { seconds: Long; nanos: number } {
    const { seconds, nanos } = timestamp(this.proposal.timestampMs);
    return { seconds: Long.fromNumber(seconds, true), nanos };
  }
  getDateTimestamp(): Date {
    return new Date(this.proposal.timestampMs);
  }

  // ---- state

  async getState(key: string): Promise<Buffer> {
    this.#mustRun();
    checkKey(key);
    const found = await this.#read(key);
    this.#reads.set(key, found?.version ?? null);
    // A copy: what the contract does to it must not reach anybody else.
    return Buffer.from(found?.value ?? []);
  }

  // eslint's require-await is off for these: the shim's methods are async, and reject rather than throw.
  putState(key: string, value: Uint8Array | string): Promise<void> {
    return attempt(() => {
      this.#mustBeWritable();
      checkKey(key);
      this.#writes.set(key, checkValue(value));
    });
  }

  deleteState(key: string): Promise<void> {
    return attempt(() => {
      this.#mustBeWritable();
      checkKey(key);
      this.#writes.set(key, null);
    });
  }

  getStateByRange(
    start: string,
    end: string,
  ): Promise<FabricIterator<KeyValue>> & AsyncIterable<KeyValue> {
    return iterable(attempt(() => this.#rangeIterator(simpleRange(start, end))));
  }

  getStateByPartialCompositeKey(
    objectType: string,
    attributes: string[],
  ): Promise<FabricIterator<KeyValue>> & AsyncIterable<KeyValue> {
    return iterable(
      attempt(() => this.#rangeIterator(partialCompositeRange(objectType, attributes))),
    );
  }

  getStateByRangeWithPagination(
    start: string,
    end: string,
    pageSize: number,
    bookmark?: string,
  ): Promise<Page> & AsyncIterable<KeyValue> {
    return iterable(this.#page(() => simpleRange(start, end), pageSize, bookmark));
  }

  getStateByPartialCompositeKeyWithPagination(
    objectType: string,
    attributes: string[],
    pageSize: number,
    bookmark?: string,
  ): Promise<Page> & AsyncIterable<KeyValue> {
    const bounds = (): { start: string; end: string } =>
      partialCompositeRange(objectType, attributes);
    return iterable(this.#page(bounds, pageSize, bookmark));
  }

  getHistoryForKey(
    key: string,
  ): Promise<FabricIterator<FabricModification>> & AsyncIterable<FabricModification> {
    return iterable(
      attempt(() => {
        this.#mustRun();
        checkKey(key);
        return this.#track(modifications(this.view.history(this.proposal.chaincode, key)));
      }),
    );
  }

  createCompositeKey(objectType: string, attributes: string[]): string {
    return createCompositeKey(objectType, attributes);
  }
  splitCompositeKey(key: string): { objectType: string | null; attributes: string[] } {
    return splitCompositeKey(key);
  }

  /** As in Fabric the last event wins. */
  setEvent(name: string, payload: Uint8Array): void {
    this.#mustRun();
    if (typeof name !== 'string' || name === '') {
      throw new Error('Event name must be a non-empty string');
    }
    this.#event = { name, payload: Uint8Array.from(payload) };
  }

  // ---- the end

  /** Ends the transaction: open iterators are closed and later calls by stray code are refused. */
  async finish(): Promise<void> {
    this.#over = true;
    for (const iterator of [...this.#open]) await iterator.close();
  }

  seen(): SimulatedReads {
    return { reads: this.#reads, ranges: this.#ranges };
  }

  /** The read-write set in key order: endorsers that read in another order agree all the same. */
  outcome(response: Uint8Array): Outcome {
    const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
      a < b ? -1 : 1;
    const reads = [...this.#reads].sort(byKey).map(([key, version]) => ({ key, version }));
    const writes = [...this.#writes].sort(byKey).map(([key, value]): KeyWrite => ({ key, value }));
    return { reads, ranges: summariseRanges(this.#ranges), writes, response, event: this.#event };
  }

  /** Reads asked for in the same turn travel to the disk together: one call costs less than many. */
  #read(key: string): Promise<Versioned | null> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ key, resolve, reject });
      if (this.#pending.length === 1) process.nextTick(() => void this.#flushReads());
    });
  }

  async #flushReads(): Promise<void> {
    const batch = this.#pending;
    this.#pending = [];
    try {
      const keys = batch.map(({ key }) => key);
      const found = await this.view.getMany(this.proposal.chaincode, keys);
      batch.forEach(({ resolve }, at) => resolve(found[at] ?? null));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  #rangeIterator(bounds: { start: string; end: string }): StubIterator<KeyValue> {
    this.#mustRun();
    return this.#track(this.#readRange(bounds));
  }

  async *#readRange(bounds: {
    start: string;
    end: string;
  }): AsyncGenerator<KeyValue, void, undefined> {
    const { chaincode } = this.proposal;
    const seen: SeenRange = { ...bounds, exhausted: false, results: new Map() };
    for await (const entry of this.view.range(chaincode, bounds.start, bounds.end)) {
      if (seen.results.size === 0) this.#ranges.push(seen);
      seen.results.set(entry.key, entry.version);
      seen.end = entry.key;
      yield { namespace: chaincode, key: entry.key, value: Buffer.from(entry.value) };
    }
    if (seen.results.size === 0) this.#ranges.push(seen);
    seen.end = bounds.end;
    seen.exhausted = true;
  }

  async #page(
    bounds: () => { start: string; end: string },
    pageSize: number,
    bookmark = '',
  ): Promise<Page> {
    this.#mustRun();
    if (!Number.isSafeInteger(pageSize) || pageSize < 1) {
      throw new Error('a page holds a whole number of entries, one at least');
    }
    // Fabric's rule: a page is not protected against phantoms, so a transaction that pages may not write.
    if (this.#writes.size > 0) throw new Error(PAGES_ARE_FOR_QUERIES);
    this.#paginated = true;
    const { start, end } = bounds();
    const entries: KeyValue[] = [];
    let next = '';
    for await (const entry of this.#readRange({ start: bookmark === '' ? start : bookmark, end })) {
      if (entries.length === pageSize) {
        next = entry.key;
        break;
      }
      entries.push(entry);
    }
    const metadata = { fetchedRecordsCount: entries.length, bookmark: next };
    return { iterator: this.#track(replay(entries)), metadata };
  }

  #track<T>(source: AsyncGenerator<T, void, undefined>): StubIterator<T> {
    const iterator = new StubIterator(source, () => this.#open.delete(iterator));
    this.#open.add(iterator);
    return iterator;
  }

  #mustRun(): void {
    if (this.#over) throw new Error('this transaction is over: await every call of the stub');
  }

  #mustBeWritable(): void {
    this.#mustRun();
    if (this.#paginated) throw new Error(PAGES_ARE_FOR_QUERIES);
  }
}

const PAGES_ARE_FOR_QUERIES = 'a transaction that reads pages may not write: page in queries only';

/** Fabric's shim gives plain numbers here, unlike in getTxTimestamp. */
interface FabricModification {
  readonly txId: string;
  readonly isDelete: boolean;
  readonly value: Buffer;
  readonly timestamp: { readonly seconds: number; readonly nanos: number };
}

async function* modifications(
  source: AsyncGenerator<KeyModification, void, undefined>,
): AsyncGenerator<FabricModification, void, undefined> {
  for await (const { txId, isDelete, value, timestampMs } of source) {
    yield { txId, isDelete, value, timestamp: timestamp(timestampMs) };
  }
}

// Asynchronous in form only: pages are in memory when they are handed out.
async function* replay<T>(entries: readonly T[]): AsyncGenerator<T, void, undefined> {
  for (const entry of entries) yield await Promise.resolve(entry);
}

function timestamp(ms: number): { seconds: number; nanos: number } {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: (ms - seconds * 1000) * 1_000_000 };
}

function checkValue(value: Uint8Array | string): Uint8Array {
  // A copy: the contract may go on using its buffer.
  const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value);
  if (bytes.length === 0) {
    // Peers take an empty value for a deletion; better loud here than lost there.
    throw new Error('a value may not be empty: Fabric would delete the key');
  }
  if (bytes.length > LIMITS.valueBytes) {
    throw new Error(`a value may take ${LIMITS.valueBytes} bytes at most`);
  }
  return bytes;
}

export function summariseRanges(ranges: readonly SeenRange[]): RangeRead[] {
  const summaries = ranges.map(({ start, end, exhausted, results }) => ({
    start,
    end,
    exhausted,
    count: results.size,
    digest: rangeDigest(results),
  }));
  const order = ({ start, end }: RangeRead): string => `${start}\u0000\u0000${end}`;
  return summaries.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

/** Runs now, and turns a throw into a rejection. */
function attempt<T>(action: () => T): Promise<T> {
  return new Promise((resolve) => resolve(action()));
}
