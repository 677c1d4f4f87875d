// A ledger in a map, for this package's tests: committed state, its history, and the part of Fabric's stub that
// contracts use. Like Fabric's, a transaction's stub does not see the transaction's own writes.

export interface Commit {
  readonly txId: string;
  readonly timestampMs: number;
  readonly value: Buffer;
}

export class MemoryLedger {
  readonly state = new Map<string, Buffer>();
  readonly history = new Map<string, Commit[]>();
  #transactions = 0;

  constructor(readonly channel = 'records') {}

  begin(timestampMs: number, creator: Creator = NOBODY, args: readonly string[] = []): MemoryStub {
    return new MemoryStub(this, `tx${this.#transactions++}`, timestampMs, creator, args);
  }

  commit(stub: MemoryStub): void {
    for (const [key, value] of stub.writes) {
      this.state.set(key, value);
      const commit = { txId: stub.getTxID(), timestampMs: stub.timestampMs, value };
      this.history.set(key, [commit, ...(this.history.get(key) ?? [])]);
    }
  }

  /** A copy that goes its own way. Values are never changed in place, so they are shared. */
  fork(): MemoryLedger {
    const copy = new MemoryLedger(this.channel);
    for (const [key, value] of this.state) copy.state.set(key, value);
    for (const [key, commits] of this.history) copy.history.set(key, commits);
    return copy;
  }

  /** The whole world state, comparable to the byte. */
  dump(): Record<string, string> {
    return dump(this.state);
  }
}

export function dump(entries: ReadonlyMap<string, Buffer>): Record<string, string> {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, value]) => [key, value.toString('utf8')]));
}

export interface Creator {
  readonly mspid: string;
  readonly idBytes: Buffer;
}
const NOBODY: Creator = { mspid: 'Org1', idBytes: Buffer.alloc(0) };

export class MemoryStub {
  readonly writes = new Map<string, Buffer>();
  readonly reads: string[] = [];
  /** How often putState was called, by key. */
  readonly puts: string[] = [];
  event: { readonly name: string; readonly payload: string } | null = null;

  constructor(
    private readonly ledger: MemoryLedger,
    private readonly txId: string,
    readonly timestampMs: number,
    private readonly creator: Creator,
    private readonly args: readonly string[],
  ) {}

  getState(key: string): Promise<Buffer> {
    this.reads.push(key);
    return Promise.resolve(Buffer.from(this.ledger.state.get(key) ?? []));
  }

  putState(key: string, value: Uint8Array): Promise<void> {
    this.puts.push(key);
    this.writes.set(key, Buffer.from(value));
    return Promise.resolve();
  }

  setEvent(name: string, payload: Uint8Array): void {
    this.event = { name, payload: Buffer.from(payload).toString('utf8') };
  }

  getStateByRangeWithPagination(start: string, end: string, size: number, bookmark: string) {
    const from = bookmark === '' ? start : bookmark;
    const keys = [...this.ledger.state.keys()].filter((key) => key >= from && key < end).sort();
    const entries = keys.slice(0, size).map((key) => ({
      key,
      value: this.ledger.state.get(key) ?? Buffer.alloc(0),
    }));
    const metadata = { fetchedRecordsCount: entries.length, bookmark: keys[size] ?? '' };
    return Promise.resolve({ iterator: iterate(entries), metadata });
  }

  getHistoryForKey(key: string) {
    const states = (this.ledger.history.get(key) ?? []).map(({ txId, timestampMs, value }) => ({
      txId,
      value,
      timestamp: secondsAndNanos(timestampMs),
    }));
    return Promise.resolve(iterate(states));
  }

  getTxTimestamp(): { seconds: number; nanos: number } {
    return secondsAndNanos(this.timestampMs);
  }
  getTxID(): string {
    return this.txId;
  }
  getChannelID(): string {
    return this.ledger.channel;
  }
  getCreator(): Creator {
    return this.creator;
  }
  getMspID(): string {
    return this.creator.mspid;
  }
  getBufferArgs(): Buffer[] {
    return this.args.map((arg) => Buffer.from(arg));
  }
  getFunctionAndParameters(): { fcn: string; params: string[] } {
    return { fcn: this.args[0] ?? '', params: this.args.slice(1) };
  }
}

function secondsAndNanos(ms: number): { seconds: number; nanos: number } {
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 };
}

function iterate<T>(items: readonly T[]) {
  let at = 0;
  return {
    next: () => {
      const value = items[at++];
      return Promise.resolve(value === undefined ? { done: true } : { done: false, value });
    },
    close: () => Promise.resolve(),
  };
}
