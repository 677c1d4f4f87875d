// A typed view of one space: JSON documents checked by a schema when they are read back.
import type { z } from 'zod';
import { GatewayError } from '../errors.js';
import type { ListOptions, Store, StoreExpectation, StoreWrite } from './store.js';

export interface DocumentEntry<T> {
  readonly key: string;
  readonly value: T;
}

/** JSON documents of one kind in one space. */
export class Documents<T> {
  constructor(
    private readonly store: Store,
    readonly space: string,
    private readonly schema: z.ZodType<T>,
  ) {}

  /** @throws GatewayError STORE_DAMAGED when what is stored does not fit the schema */
  async get(key: string): Promise<T | undefined> {
    return this.decode(key, await this.store.get(this.space, key));
  }

  /** What is stored, and the expectation that it has not changed since. */
  async find(key: string): Promise<{ value: T; unchanged: StoreExpectation } | undefined> {
    const stored = await this.store.get(this.space, key);
    const value = this.decode(key, stored);
    return value && { value, unchanged: { space: this.space, key, value: stored } };
  }

  async getMany(keys: readonly string[]): Promise<(T | undefined)[]> {
    const found = await this.store.getMany(this.space, keys);
    return keys.map((key, index) => this.decode(key, found[index]));
  }

  async *list(options?: ListOptions): AsyncIterable<DocumentEntry<T>> {
    for await (const { key, value } of this.store.list(this.space, options)) {
      const document = this.decode(key, value);
      if (document !== undefined) yield { key, value: document };
    }
  }

  async put(key: string, value: T, options: { sync?: boolean } = {}): Promise<void> {
    await this.store.commit([this.write(key, value)], options);
  }

  /** @returns false, with nothing written, when the key is taken */
  putIfAbsent(key: string, value: T, options: { sync?: boolean } = {}): Promise<boolean> {
    return this.store.commit([this.write(key, value)], { ...options, expect: [this.absent(key)] });
  }

  async delete(key: string, options: { sync?: boolean } = {}): Promise<void> {
    await this.store.commit([this.write(key, undefined)], options);
  }

  /**
   * Reads, changes and writes back, so that no change of another caller in between is lost. `change` may run
   * several times; `undefined` from it deletes.
   */
  async update(
    key: string,
    change: (present: T | undefined) => T | undefined,
    options: { sync?: boolean } = {},
  ): Promise<T | undefined> {
    for (;;) {
      const stored = await this.store.get(this.space, key);
      const next = change(this.decode(key, stored));
      const expect = [{ space: this.space, key, value: stored }];
      if (await this.store.commit([this.write(key, next)], { ...options, expect })) return next;
    }
  }

  /** One write of this space, for a commit that spans several. */
  write(key: string, value: T | undefined): StoreWrite {
    const bytes = value === undefined ? undefined : Buffer.from(JSON.stringify(value), 'utf8');
    return { space: this.space, key, value: bytes };
  }

  /** Expects that nothing is stored under `key`. */
  absent(key: string): StoreExpectation {
    return { space: this.space, key, value: undefined };
  }

  private decode(key: string, bytes: Uint8Array | undefined): T | undefined {
    if (bytes === undefined) return undefined;
    try {
      return this.schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    } catch (cause) {
      throw new GatewayError(
        'STORE_DAMAGED',
        `What is stored under ${this.space}/${key} is damaged.`,
        {
          cause,
          ids: { space: this.space },
        },
      );
    }
  }
}
