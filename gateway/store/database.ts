// The store's LevelDB folder, opened anew by itself after a write that the disk refused. Such a write leaves half a record at
// the end of LevelDB's log, and what LevelDB takes behind it, synced or not, is not found at the next start: so it is asked
// for nothing more until there is room, the folder has been closed, and what was good in it has been read back.
import { randomBytes } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { GatewayError } from '../errors.js';

export interface DatabaseOptions {
  /** How often to look whether there is room again. */
  readonly retryMs: number;
  /** The room that must be there then: LevelDB writes down what it has in memory when it is opened. */
  readonly spareBytes: number;
}

const encoding = { keyEncoding: 'utf8', valueEncoding: 'view' } as const;
const openSpace = (level: Level<string, Uint8Array>, name: string) =>
  level.sublevel<string, Uint8Array>(name, encoding);
export type Space = ReturnType<typeof openSpace>;

export type BatchOperation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

export class Database {
  readonly #spaces = new Map<string, Space>();
  #failed = false;
  /** Between closing and opening anew there is nothing to be read either. */
  #away = false;
  #life = 0;
  #reopening: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(
    private readonly dir: string,
    private readonly level: Level<string, Uint8Array>,
    private readonly options: DatabaseOptions,
  ) {}

  /** @throws GatewayError STORE_LOCKED | STORE_DAMAGED */
  static async open(dir: string, options: DatabaseOptions): Promise<Database> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const level = new Level<string, Uint8Array>(dir, encoding);
    try {
      await level.open();
    } catch (cause) {
      throw openingError(dir, cause);
    }
    await rm(join(dir, TRIAL), { force: true });
    return new Database(dir, level, options);
  }

  /** False from a write that the disk refused until the folder has been opened anew. */
  get accepting(): boolean {
    return !this.#failed;
  }

  /** Changes when the folder is opened anew: iterators of an earlier life are cut off. */
  get life(): number {
    return this.#life;
  }

  /** A space to read from. @throws GatewayError STORE_UNAVAILABLE when the folder could not be opened anew yet */
  async readable(name: string): Promise<Space> {
    await this.#reopening?.catch(() => undefined);
    if (this.#away) throw this.refusal();
    return this.space(name);
  }

  space(name: string): Space {
    const known = this.#spaces.get(name);
    if (known !== undefined) return known;
    const space = openSpace(this.level, name);
    this.#spaces.set(name, space);
    return space;
  }

  /** @throws GatewayError STORE_UNAVAILABLE */
  async write(batch: BatchOperation[], sync: boolean): Promise<void> {
    if (this.#failed) throw this.refusal();
    try {
      await this.level.batch(batch, { sync });
    } catch (error) {
      if (!isDiskTrouble(error)) throw error;
      this.#failed = true;
      this.#lookAgain();
      throw this.refusal(error);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#reopening?.catch(() => undefined);
    await this.level.close();
  }

  refusal(cause?: unknown): GatewayError {
    return new GatewayError('STORE_UNAVAILABLE', 'The gateway’s disk takes no writes.', {
      cause,
      retryAfterMs: this.options.retryMs,
    });
  }

  #lookAgain(): void {
    if (this.#closed) return;
    this.#retry = setTimeout(() => {
      this.#recover().catch(() => this.#lookAgain());
    }, this.options.retryMs).unref();
  }

  async #recover(): Promise<void> {
    await this.#tryDisk();
    if (this.#closed) return;
    this.#life++;
    this.#reopening = this.#openAnew().finally(() => (this.#reopening = undefined));
    await this.#reopening;
  }

  /** LevelDB is not let go of before the disk takes writes: without room it reads, but does not open. */
  async #tryDisk(): Promise<void> {
    const path = join(this.dir, TRIAL);
    try {
      const file = await open(path, 'w', 0o600);
      try {
        // Nothing that a file system could keep in less room.
        await file.writeFile(randomBytes(this.options.spareBytes));
        await file.sync();
      } finally {
        await file.close();
      }
    } finally {
      await rm(path, { force: true });
    }
  }

  async #openAnew(): Promise<void> {
    this.#away = true;
    this.#spaces.clear();
    await this.level.close();
    await this.level.open();
    this.#away = false;
    this.#failed = false;
  }
}

/** No name of LevelDB's. */
const TRIAL = 'trial-of-the-disk';

/** Full, over a quota or failing: LevelDB has one code for all. */
const isDiskTrouble = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'LEVEL_IO_ERROR';

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
