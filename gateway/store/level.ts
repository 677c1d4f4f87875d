// The store on `level`: one database folder, a sublevel per space, commits serialised per key.
import { mkdir } from 'node:fs/promises';
import { Level } from 'level';
import { GatewayError } from '../errors.js';
import { KeyedLock } from './keyed-lock.js';
import type { CommitOptions, ListOptions, Store, StoreEntry, StoreWrite } from './store.js';

const encoding = { keyEncoding: 'utf8', valueEncoding: 'view' } as const;

/**
 * Opens (and makes, with mode 0700) the store in `dir`.
 * @throws GatewayError STORE_LOCKED when another process holds it, STORE_DAMAGED when it can't be opened
 */
export async function openStore(dir: string): Promise<Store> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const db = new Level<string, Uint8Array>(dir, encoding);
  try {
    await db.open();
  } catch (cause) {
    throw openingError(dir, cause);
  }
  return new LevelStore(db);
}

function openingError(dir: string, cause: unknown): GatewayError {
  const inner = cause instanceof Error ? cause.cause : undefined;
  if (inner instanceof Error && 'code' in inner && inner.code === 'LEVEL_LOCKED') {
    return new GatewayError(
      'STORE_LOCKED',
      `Another process uses the folder ${dir}: stop it first.`,
      { cause },
    );
  }
  return new GatewayError('STORE_DAMAGED', `The store in ${dir} can't be opened.`, { cause });
}

const openSpace = (db: Level<string, Uint8Array>, name: string) =>
  db.sublevel<string, Uint8Array>(name, encoding);
type Space = ReturnType<typeof openSpace>;

class LevelStore implements Store {
  private readonly spaces = new Map<string, Space>();
  private readonly lock = new KeyedLock();
  private readonly underWay = new Set<Promise<unknown>>();
  private draining: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  constructor(private readonly db: Level<string, Uint8Array>) {}

  async get(space: string, key: string): Promise<Uint8Array | undefined> {
    return (await this.getMany(space, [key]))[0];
  }

  async getMany(space: string, keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    const values: (Uint8Array | undefined)[] = await this.space(space).getMany(
      keys.map(checkedKey),
    );
    return values;
  }

  async *list(space: string, options: ListOptions = {}): AsyncIterable<StoreEntry> {
    const { prefix = '', after, limit = Infinity } = options;
    // `after` may lie before the prefix, then the prefix is where the range begins.
    const from = after !== undefined && after >= prefix ? { gt: after } : { gte: prefix };
    let count = 0;
    for await (const [key, value] of this.space(space).iterator(from)) {
      if (count >= limit || !key.startsWith(prefix)) return;
      count += 1;
      yield { key, value };
    }
  }

  async commit(writes: readonly StoreWrite[], options: CommitOptions = {}): Promise<boolean> {
    if (this.draining !== undefined) throw closedError();
    const { expect = [], sync = false } = options;
    const touched = [...writes, ...expect].map(({ space, key }) => `${space}\0${checkedKey(key)}`);
    const work = this.lock.run(touched, async () => {
      for (const { space, key, value } of expect) {
        if (!sameBytes(await this.get(space, key), value)) return false;
      }
      await this.db.batch(
        writes.map(({ space, key, value }) =>
          value === undefined
            ? { type: 'del' as const, key, sublevel: this.space(space) }
            : { type: 'put' as const, key, value, sublevel: this.space(space) },
        ),
        { sync },
      );
      return true;
    });
    this.underWay.add(work);
    try {
      return await work;
    } finally {
      this.underWay.delete(work);
    }
  }

  close(): Promise<void> {
    // Commits under way still read their spaces, so the door is shut only after them.
    this.draining ??= Promise.allSettled(this.underWay).then(() => {
      this.closing = this.db.close();
      return this.closing;
    });
    return this.draining;
  }

  private space(name: string): Space {
    if (this.closing !== undefined) throw closedError();
    const known = this.spaces.get(name);
    if (known !== undefined) return known;
    if (!/^[a-z][a-z0-9-]{0,39}$/.test(name))
      throw new RangeError(`“${name}” is no name for a space`);
    const space = openSpace(this.db, name);
    this.spaces.set(name, space);
    return space;
  }
}

function checkedKey(key: string): string {
  if (key.length === 0 || key.length > 512 || key.includes('\0')) {
    throw new RangeError('A key has 1 to 512 characters and no NUL');
  }
  return key;
}

const sameBytes = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;

const closedError = (): GatewayError => new GatewayError('SHUTTING_DOWN', 'The store is closed.');
