// A transaction's view of the world state: reads each key once, sees its own writes (Fabric's stub does not), undoes one
// operation's writes without touching the others', and writes each changed document once at the end.

import { canonicalise } from '../model/index.js';
import type { Key } from './keys.js';
import { parsed } from './parsed.js';

/** The two calls of Fabric's ChaincodeStub that updates need. Each one is a round trip to the peer. */
export interface StateStub {
  getState(key: string): Promise<Uint8Array>;
  putState(key: string, value: Uint8Array): Promise<void>;
}

export class World {
  readonly #committed = new Map<string, unknown>();
  readonly #written = new Map<string, unknown>();
  #savepoint = new Map<string, unknown>();

  constructor(private readonly stub: StateStub) {}

  /** The document, or null when there is none. Documents are never changed in place. */
  async get<T>(key: Key<T>): Promise<T | null> {
    const { name } = key;
    for (const layer of [this.#savepoint, this.#written, this.#committed]) {
      // The key's type says what was put under it: only `put` writes, and it takes the same Key<T>.
      if (layer.has(name)) return layer.get(name) as T | null;
    }
    const bytes = await this.stub.getState(name);
    const value = bytes.length === 0 ? null : (parsed(name, asBuffer(bytes)) as T);
    this.#committed.set(name, value);
    return value;
  }

  /** The document, if it was read before and is there. */
  found<T>(key: Key<T>): T | null {
    return (this.#committed.get(key.name) ?? null) as T | null;
  }

  /** Reads many keys at once; later `get`s find them here. */
  async preload(keys: readonly Key<unknown>[]): Promise<void> {
    const missing = new Map<string, Key<unknown>>();
    for (const key of keys) if (!this.#committed.has(key.name)) missing.set(key.name, key);
    await Promise.all([...missing.values()].map((key) => this.get(key)));
  }

  put<T>(key: Key<T>, value: T): void {
    this.#savepoint.set(key.name, value);
  }

  /** Makes the writes since the last keep or undo part of the transaction. */
  keep(): void {
    for (const [name, value] of this.#savepoint) this.#written.set(name, value);
    this.#savepoint = new Map();
  }

  /** Forgets the writes since the last keep or undo. */
  undo(): void {
    this.#savepoint = new Map();
  }

  /** Hands every kept write to the ledger, in key order, so that endorsers agree. */
  async flush(): Promise<void> {
    for (const name of [...this.#written.keys()].sort()) {
      await this.stub.putState(name, Buffer.from(canonicalise(this.#written.get(name)), 'utf8'));
    }
    this.#written.clear();
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
