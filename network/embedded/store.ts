// The disk as the ledger sees it: atomic, durable batches and consistent snapshots, on `level`.
// Kept to a small interface so that a test can put a failing disk in its place.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Level } from 'level';
import { LedgerError } from '../ledger.js';
import { BlockFile } from './block-file.js';
import { isBlockKey } from './keys.js';

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
    protected readonly blocks: BlockFile,
    protected readonly at?: Snapshot,
  ) {}

  async getMany(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    const found: (Buffer | undefined)[] = await this.db.getMany([...keys], { snapshot: this.at });
    if (!keys.some(isBlockKey)) return found;
    return Promise.all(found.map(async (value, at) => value && this.#resolved(keys[at], value)));
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
        for (const [key, value] of entries)
          yield [key, isBlockKey(key) ? await this.#resolved(key, value) : value];
      }
    } finally {
      await iterator.close();
    }
  }

  /** What a key stands for: of a block, LevelDB holds only the place. */
  async #resolved(key: string | undefined, value: Buffer): Promise<Buffer> {
    const isPlace = key !== undefined && isBlockKey(key) && BlockFile.isPointer(value);
    return isPlace ? this.blocks.read(value) : value;
  }
}

class LevelSnapshot extends LevelReader implements StoreSnapshot {
  readonly #snapshot: Snapshot;

  constructor(db: Database, blocks: BlockFile) {
    const snapshot = db.snapshot();
    super(db, blocks, snapshot);
    this.#snapshot = snapshot;
  }

  async close(): Promise<void> {
    await this.#snapshot.close();
  }
}

class LevelStore extends LevelReader implements Store {
  snapshot(): StoreSnapshot {
    return new LevelSnapshot(this.db, this.blocks);
  }

  async write(
    writes: readonly StoreWrite[],
    { durable }: { readonly durable: boolean },
  ): Promise<void> {
    // Blocks first: a pointer must never be on disk before what it points to.
    const pointers = new Map<StoreWrite, Buffer>();
    for (const write of writes) {
      if (write.type === 'put' && isBlockKey(write.key))
        pointers.set(write, await this.blocks.append(write.value));
    }
    if (durable && pointers.size > 0) await this.blocks.sync();
    const batch = this.db.batch();
    for (const write of writes) {
      // The view costs nothing; level wants a Buffer for its 'buffer' encoding.
      if (write.type === 'put')
        batch.put(write.key, pointers.get(write) ?? viewAsBuffer(write.value));
      else batch.del(write.key);
    }
    await batch.write({ sync: durable });
  }

  async close(): Promise<void> {
    await this.db.close();
    await this.blocks.close();
  }
}

function viewAsBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Memory that a database may take. */
export interface StoreMemory {
  /** Of what was read. */
  readonly cacheBytes: number;
  /** Of what is yet to be sorted into files. Some two kilobytes an operation: small ones would compact without pause. */
  readonly writeBufferBytes: number;
}

export const STORE_MEMORY: StoreMemory = {
  cacheBytes: 32 * 1024 * 1024,
  writeBufferBytes: 64 * 1024 * 1024,
};

/**
 * Opens a `level` database as a {@link Store}.
 * @throws LedgerError LOCKED when another process holds it, NOT_FOUND when it must exist and doesn't, CORRUPT when
 *   LevelDB itself finds its files damaged.
 */
export async function openLevelStore(
  dir: string,
  options: { readonly createIfMissing: boolean },
  { cacheBytes, writeBufferBytes }: StoreMemory = STORE_MEMORY,
): Promise<Store> {
  if (!options.createIfMissing && !existsSync(join(dir, 'CURRENT'))) {
    throw new LedgerError('NOT_FOUND', `there is no ledger in ${dir}`, { dir });
  }
  const db = new Level<string, Buffer>(dir, {
    keyEncoding: 'utf8',
    valueEncoding: 'buffer',
    createIfMissing: options.createIfMissing,
    writeBufferSize: writeBufferBytes,
    // Small files would be too many to keep open once there are millions of operations.
    maxFileSize: 16 * 1024 * 1024,
    cacheSize: cacheBytes,
    // Hashes and keys hardly compress; trying costs as much as merging them does.
    compression: false,
  });
  try {
    await db.open();
  } catch (error) {
    throw explainOpenFailure(error, dir);
  }
  try {
    return new LevelStore(db, await BlockFile.open(dir));
  } catch (error) {
    await db.close();
    throw explainOpenFailure(error, dir);
  }
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
