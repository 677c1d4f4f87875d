// The store on `level`: one database folder, a sublevel per space. Commits that wait together are decided one after the
// other and written as one batch, so that many of them share one wait for the disk.
import { GatewayError } from '../errors.js';
import { Database, type BatchOperation, type DatabaseOptions, type Space } from './database.js';
import type {
  CommitOptions,
  ListOptions,
  Store,
  StoreEntry,
  StoreExpectation,
  StoreWrite,
} from './store.js';

/** Commits in one batch: what comes after them does not wait for more than this. */
const MAX_TOGETHER = 1000;

/**
 * Opens (and makes, with mode 0700) the store in `dir`.
 * @throws GatewayError STORE_LOCKED when another process holds it, STORE_DAMAGED when it can't be opened
 */
export async function openStore(
  dir: string,
  options: DatabaseOptions = { retryMs: 5000, spareBytes: 0 },
): Promise<Store> {
  return new LevelStore(await Database.open(dir, options));
}

/** A commit that has not been decided. */
interface Waiting {
  readonly writes: readonly StoreWrite[];
  readonly expect: readonly StoreExpectation[];
  readonly sync: boolean;
  readonly resolve: (done: boolean) => void;
  readonly reject: (error: unknown) => void;
}

class LevelStore implements Store {
  private queue: Waiting[] = [];
  private writing: Promise<void> | undefined;
  private draining: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  constructor(private readonly db: Database) {}

  get accepting(): boolean {
    return this.db.accepting;
  }

  async get(space: string, key: string): Promise<Uint8Array | undefined> {
    return (await this.getMany(space, [key]))[0];
  }

  async getMany(space: string, keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    const asked = keys.map(checkedKey);
    const values: (Uint8Array | undefined)[] = await (await this.readable(space)).getMany(asked);
    return values;
  }

  async *list(space: string, options: ListOptions = {}): AsyncIterable<StoreEntry> {
    const { prefix = '', after, limit = Infinity } = options;
    // `after` may lie before the prefix, then the prefix is where the range begins.
    let from: Range = after !== undefined && after >= prefix ? { gt: after } : { gte: prefix };
    let count = 0;
    for (;;) {
      const readable = await this.readable(space);
      const { life } = this.db;
      try {
        for await (const [key, value] of readable.iterator(from)) {
          if (count >= limit || !key.startsWith(prefix)) return;
          count += 1;
          from = { gt: key };
          yield { key, value };
        }
        return;
      } catch (error) {
        // Cut off where the database was opened anew: it goes on behind what it has given.
        if (life === this.db.life) throw error;
      }
    }
  }

  async commit(writes: readonly StoreWrite[], options: CommitOptions = {}): Promise<boolean> {
    if (this.draining !== undefined) throw closedError();
    if (!this.db.accepting) throw this.db.refusal();
    const { expect = [], sync = false } = options;
    // One bad key must not fail those that would be written with it.
    for (const { space, key } of [...writes, ...expect]) {
      checkedSpace(space);
      checkedKey(key);
    }
    return new Promise((resolve, reject) => {
      this.queue.push({ writes, expect, sync, resolve, reject });
      this.writing ??= this.write();
    });
  }

  close(): Promise<void> {
    // Commits under way still read their spaces, so the door is shut only after them.
    this.draining ??= (this.writing ?? Promise.resolve()).then(() => {
      this.closing = this.db.close();
      return this.closing;
    });
    return this.draining;
  }

  private async write(): Promise<void> {
    // One turn of the loop: commits that arrive together are written together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.queue.length > 0) await this.writeTogether(this.queue.splice(0, MAX_TOGETHER));
    this.writing = undefined;
  }

  /** Never rejects. In the order of their arrival: each commit sees what those before it write. */
  private async writeTogether(group: readonly Waiting[]): Promise<void> {
    try {
      const present = await this.expected(group);
      const decided = group.map(({ writes, expect }) => {
        if (!expect.every((e) => sameBytes(present.get(placeOf(e)), e.value))) return false;
        for (const write of writes) present.set(placeOf(write), write.value);
        return true;
      });
      const held = group.filter((_, at) => decided[at]);
      const sync = held.some((waiting) => waiting.sync);
      // Of two writes to one key the later one stands, as it would have, had they come one by one.
      const batch = held.flatMap(({ writes }) => writes.map((write) => this.operation(write)));
      if (batch.length > 0) await this.db.write(batch, sync);
      // “No” is told after the disk, too: it may rest on what was written just now.
      group.forEach(({ resolve }, at) => resolve(decided[at] ?? false));
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  /** What is stored where these commits expect something. */
  private async expected(group: readonly Waiting[]): Promise<Map<string, Uint8Array | undefined>> {
    const keys = new Map<string, Set<string>>();
    for (const { space, key } of group.flatMap(({ expect }) => expect)) {
      const known = keys.get(space);
      if (known) known.add(key);
      else keys.set(space, new Set([key]));
    }
    const present = new Map<string, Uint8Array | undefined>();
    await Promise.all(
      [...keys].map(async ([space, wanted]) => {
        const asked = [...wanted];
        const values = await this.getMany(space, asked);
        asked.forEach((key, at) => present.set(placeOf({ space, key }), values[at]));
      }),
    );
    return present;
  }

  private operation({ space, key, value }: StoreWrite): BatchOperation {
    // The key as its space stores it: naming the space with each write would cost more than the write.
    const stored = this.db.space(space).prefixKey(key, 'utf8');
    return value === undefined ? { type: 'del', key: stored } : { type: 'put', key: stored, value };
  }

  private readable(name: string): Promise<Space> {
    if (this.closing !== undefined) throw closedError();
    return this.db.readable(checkedSpace(name));
  }
}

type Range = { readonly gt: string } | { readonly gte: string };

function checkedSpace(name: string): string {
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(name))
    throw new RangeError(`“${name}” is no name for a space`);
  return name;
}

function checkedKey(key: string): string {
  if (key.length === 0 || key.length > 512 || key.includes('\0')) {
    throw new RangeError('A key has 1 to 512 characters and no NUL');
  }
  return key;
}

const placeOf = ({ space, key }: { readonly space: string; readonly key: string }): string =>
  `${space}\0${key}`;

const sameBytes = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;

const closedError = (): GatewayError => new GatewayError('SHUTTING_DOWN', 'The store is closed.');
