// The disk as the ledger sees it: atomic, durable batches and consistent snapshots, on `level`.
// Kept to a small interface so that a test can put a failing disk in its place.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Level } from 'level';
import { LedgerError } from '../ledger.js';

export interface KeyRange {
  /** Inclusive. */
  readonly from: string;
  /** Exclusive. */
  readonly to: string;
  readonly reverse?: boolean;
}

export interface StoreReader {
  getMany(keys: readonly string[]): Promise<(Buffer | undefined)[]>;
  entries(range: KeyRange): AsyncGenerator<readonly [key: string, value: Buffer], void, undefined>;
}

export interface StoreSnapshot extends StoreReader {
  close(): Promise<void>;
}

export type StoreWrite =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

export interface Store extends StoreReader {
  snapshot(): StoreSnapshot;
  /** All or nothing; when it resolves with `durable`, the disk has confirmed it (fsync). */
  write(writes: readonly StoreWrite[], options: { readonly durable: boolean }): Promise<void>;
  close(): Promise<void>;
}

type Database = Level<string, Buffer>;
type Snapshot = ReturnType<Database['snapshot']>;

const ENTRIES_PER_READ = 256;

class LevelReader implements StoreReader {
  constructor(
    protected readonly db: Database,
    protected readonly at?: Snapshot,
  ) {}

  async getMany(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    return this.db.getMany([...keys], { snapshot: this.at });
  }

  async *entries(range: KeyRange): AsyncGenerator<readonly [string, Buffer], void, undefined> {
    const iterator = this.db.iterator({
      gte: range.from,
      lt: range.to,
      reverse: range.reverse ?? false,
      snapshot: this.at,
    });
    try {
      for (;;) {
        const entries = await iterator.nextv(ENTRIES_PER_READ);
        if (entries.length === 0) return;
        yield* entries;
      }
    } finally {
      await iterator.close();
    }
  }
}

class LevelSnapshot extends LevelReader implements StoreSnapshot {
  readonly #snapshot: Snapshot;

  constructor(db: Database) {
    const snapshot = db.snapshot();
    super(db, snapshot);
    this.#snapshot = snapshot;
  }

  async close(): Promise<void> {
    await this.#snapshot.close();
  }
}

class LevelStore extends LevelReader implements Store {
  snapshot(): StoreSnapshot {
    return new LevelSnapshot(this.db);
  }

  async write(
    writes: readonly StoreWrite[],
    { durable }: { readonly durable: boolean },
  ): Promise<void> {
    const batch = this.db.batch();
    for (const write of writes) {
      // The view costs nothing; level wants a Buffer for its 'buffer' encoding.
      if (write.type === 'put') batch.put(write.key, viewAsBuffer(write.value));
      else batch.del(write.key);
    }
    await batch.write({ sync: durable });
  }

  async close(): Promise<void> {
    await this.db.close();
  }
}

function viewAsBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Opens a `level` database as a {@link Store}.
 * @throws LedgerError LOCKED when another process holds it, NOT_FOUND when it must exist and doesn't, CORRUPT when
 *   LevelDB itself finds its files damaged.
 */
export async function openLevelStore(
  dir: string,
  options: { readonly createIfMissing: boolean },
): Promise<Store> {
  if (!options.createIfMissing && !existsSync(join(dir, 'CURRENT'))) {
    throw new LedgerError('NOT_FOUND', `there is no ledger in ${dir}`, { dir });
  }
  const db = new Level<string, Buffer>(dir, {
    keyEncoding: 'utf8',
    valueEncoding: 'buffer',
    createIfMissing: options.createIfMissing,
    // Blocks arrive in megabytes: small write buffers would compact without pause.
    writeBufferSize: 16 * 1024 * 1024,
    cacheSize: 32 * 1024 * 1024,
  });
  try {
    await db.open();
  } catch (error) {
    throw explainOpenFailure(error, dir);
  }
  return new LevelStore(db);
}

function explainOpenFailure(error: unknown, dir: string): LedgerError {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'LEVEL_LOCKED') {
    const message = `another process holds the ledger in ${dir}: stop it, or ask it instead`;
    return new LedgerError('LOCKED', message, { dir }, { cause: error });
  }
  const text = cause instanceof Error ? cause.message : String(error);
  if (code === 'LEVEL_CORRUPTION') {
    const message = `the database files in ${dir} are damaged (${text}): restore them from a backup`;
    return new LedgerError('CORRUPT', message, { dir }, { cause: error });
  }
  const message = `the ledger in ${dir} can't be opened: ${text}`;
  return new LedgerError('UNAVAILABLE', message, { dir }, { cause: error });
}
