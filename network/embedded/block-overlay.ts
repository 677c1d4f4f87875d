// The state as each transaction of a block finds it: the base, plus what the block's earlier transactions wrote.
// Needed even though conflicts are ruled out: a key that one block wrote and this one deleted again reads as it did
// when the transaction was simulated, but not as it stood when the block began.
import { compareKeys } from './read-write-set.js';
import type { KeyRange, StoreReader, StoreWrite } from './store.js';

type Entry = readonly [key: string, value: Buffer];

interface Change {
  readonly tx: number;
  /** null: deleted. */
  readonly value: Buffer | null;
}

export class BlockOverlay {
  /** Each key's changes, in the block's order. */
  readonly #changes = new Map<string, Change[]>();

  constructor(private readonly base: StoreReader) {}

  note(tx: number, writes: readonly StoreWrite[]): void {
    for (const write of writes) {
      const value = write.type === 'put' ? Buffer.from(write.value) : null;
      const changes = this.#changes.get(write.key) ?? [];
      this.#changes.set(write.key, [...changes, { tx, value }]);
    }
  }

  /** What transaction number `tx` finds. */
  before(tx: number): StoreReader {
    return {
      getMany: (keys) => this.#getMany(keys, tx),
      entries: (range) => this.#entries(range, tx),
    };
  }

  async #getMany(keys: readonly string[], tx: number): Promise<(Buffer | undefined)[]> {
    const below = await this.base.getMany(keys);
    return keys.map((key, at) => {
      const change = this.#lastChange(key, tx);
      return change === undefined ? below[at] : (change.value ?? undefined);
    });
  }

  async *#entries(range: KeyRange, tx: number): AsyncGenerator<Entry, void, undefined> {
    const direction = range.reverse === true ? -1 : 1;
    const changed = [...this.#changes.keys()]
      .filter((key) => compareKeys(key, range.from) >= 0 && compareKeys(key, range.to) < 0)
      .sort((a, b) => direction * compareKeys(a, b));
    let next = 0;
    for await (const entry of this.base.entries(range)) {
      for (; next < changed.length; next++) {
        const key = changed[next];
        if (key === undefined || direction * compareKeys(key, entry[0]) >= 0) break;
        yield* this.#changedEntry(key, tx);
      }
      if (changed[next] !== entry[0]) yield entry;
      else {
        next++;
        if (this.#lastChange(entry[0], tx) === undefined) yield entry;
        else yield* this.#changedEntry(entry[0], tx);
      }
    }
    for (const key of changed.slice(next)) yield* this.#changedEntry(key, tx);
  }

  #changedEntry(key: string, tx: number): Entry[] {
    const value = this.#lastChange(key, tx)?.value;
    return value === undefined || value === null ? [] : [[key, value]];
  }

  #lastChange(key: string, tx: number): Change | undefined {
    return this.#changes.get(key)?.findLast((change) => change.tx < tx);
  }
}
