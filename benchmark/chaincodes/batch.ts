// What the chaincodes of workloads share: a batch of lines is one transaction, in which each operation sees what those
// before it wrote (Fabric's stub does not show that), and one that is refused leaves nothing behind.
//
// A line is words with one space between: `<id> <kind> <argument> …`. Every platform's language can split that, and no
// argument holds a space. An answer is a receipt a line, JSON: `{"id","status":"applied"|"refused","code"?,"result"?}`.

/** What of Fabric's ChaincodeStub a batch needs; an absent key is no bytes. */
export interface BatchStub {
  getState(key: string): Promise<Uint8Array>;
  putState(key: string, value: Uint8Array): Promise<void>;
  getStateByRange(start: string, end: string): Promise<RangeIterator>;
}

interface RangeIterator {
  next(): Promise<{ readonly value?: Entry; readonly done?: boolean }>;
  close(): Promise<unknown>;
}

interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
}

/** Why an operation was not done; becomes its receipt's code. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(readonly code: string) {
    super(code);
  }
}

export interface Operation {
  /** Keys that it reads by name: fetched beforehand, all of the batch at once. */
  readonly keys: readonly string[];
  /** @returns what the receipt carries. @throws Refusal */
  run(state: BatchState): string | undefined | Promise<string>;
}

/** Makes an operation of a line's words behind its id. @throws Refusal */
export type Reader = (kind: string, words: readonly string[]) => Operation;

/** The state as one batch sees it. */
export class BatchState {
  readonly #fetched = new Map<string, string | undefined>();
  readonly #written = new Map<string, string>();
  readonly #staged = new Map<string, string>();

  constructor(private readonly stub: BatchStub) {}

  async fetch(keys: Iterable<string>): Promise<void> {
    const all = [...new Set(keys)].map(async (key) => {
      const bytes = await this.stub.getState(key);
      this.#fetched.set(key, bytes.length === 0 ? undefined : text(bytes));
    });
    await Promise.all(all);
  }

  /** @param key one that was fetched */
  get(key: string): string | undefined {
    return this.#staged.get(key) ?? this.#written.get(key) ?? this.#fetched.get(key);
  }

  /** @param value not empty: Fabric would take that for a deletion */
  put(key: string, value: string): void {
    this.#staged.set(key, value);
  }

  /** The first `count` entries from `start` on, below `end`, in key order. */
  async range(start: string, end: string, count: number): Promise<[string, string][]> {
    const found = new Map<string, string>();
    const iterator = await this.stub.getStateByRange(start, end);
    while (found.size < count) {
      const { value, done } = await iterator.next();
      if (done === true || value === undefined) break;
      found.set(value.key, text(value.value));
    }
    await iterator.close();
    for (const layer of [this.#written, this.#staged]) {
      for (const [key, value] of layer) if (key >= start && key < end) found.set(key, value);
    }
    return [...found].sort(byKey).slice(0, count);
  }

  /** What was put since the last `keep` or `undo` becomes part of the transaction. */
  keep(): void {
    for (const [key, value] of this.#staged) this.#written.set(key, value);
    this.#staged.clear();
  }

  undo(): void {
    this.#staged.clear();
  }

  /** Hands what was kept to the ledger, in key order. */
  async flush(): Promise<void> {
    for (const [key, value] of [...this.#written].sort(byKey)) {
      await this.stub.putState(key, Buffer.from(value));
    }
  }
}

/** Runs a batch. @returns receipts, one a line, in the lines' order */
export async function applyBatch(stub: BatchStub, lines: string, read: Reader): Promise<string> {
  const operations = lines.split('\n').map((line) => operationOf(line, read));
  const state = new BatchState(stub);
  await state.fetch(operations.flatMap(({ operation }) => operation.keys));
  const receipts: string[] = [];
  for (const { id, operation } of operations) {
    try {
      const result = await operation.run(state);
      state.keep();
      receipts.push(JSON.stringify({ id, status: 'applied', result }));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      state.undo();
      receipts.push(JSON.stringify({ id, status: 'refused', code: error.code }));
    }
  }
  await state.flush();
  return receipts.join('\n');
}

function operationOf(line: string, read: Reader): { id: string; operation: Operation } {
  const [id = '', kind = '', ...words] = line.split(' ');
  try {
    return { id, operation: read(kind, words) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { id, operation: { keys: [], run: () => Promise.reject(error) } };
  }
}

/** A whole number as it is written in a line. @throws Refusal BAD_LINE */
export function wholeNumber(word: string | undefined, from: number, to: number): number {
  const number = word !== undefined && /^-?[0-9]{1,15}$/.test(word) ? Number(word) : NaN;
  if (number >= from && number <= to) return number;
  throw new Refusal('BAD_LINE');
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** Keys of workloads are ASCII: string order is that of their bytes. */
const byKey = ([a]: [string, string], [b]: [string, string]): number => (a < b ? -1 : 1);
