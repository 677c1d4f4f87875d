// The overlay shows what a plain store would hold after the same writes.
import { expect } from 'chai';
import fc from 'fast-check';
import { BlockOverlay } from './block-overlay.js';
import { compareKeys } from './read-write-set.js';
import type { StoreReader, StoreWrite } from './store.js';

/** A store in memory, to compare with. */
class Memory implements StoreReader {
  readonly #held: ReadonlyMap<string, Buffer>;
  constructor(writes: readonly StoreWrite[]) {
    const held = new Map<string, Buffer>();
    for (const write of writes) {
      if (write.type === 'put') held.set(write.key, Buffer.from(write.value));
      else held.delete(write.key);
    }
    this.#held = held;
  }
  async getMany(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.#held.get(key)));
  }
  async *entries({
    from,
    to,
    reverse,
  }: Parameters<StoreReader['entries']>[0]): ReturnType<StoreReader['entries']> {
    const keys = [...this.#held.keys()].sort(compareKeys);
    for (const key of reverse === true ? keys.reverse() : keys) {
      const value = this.#held.get(key);
      const inside = compareKeys(key, from) >= 0 && compareKeys(key, to) < 0;
      if (value !== undefined && inside) yield await Promise.resolve([key, value] as const);
    }
  }
}

const key = fc.constantFrom('a', 'b', 'bb', 'c', 'é', '\u{1f600}', '\uffff');
const write: fc.Arbitrary<StoreWrite> = fc.oneof(
  fc.record({
    type: fc.constant('put' as const),
    key,
    value: fc.uint8Array({ minLength: 1, maxLength: 2 }),
  }),
  fc.record({ type: fc.constant('del' as const), key }),
);
const writes = fc.array(write, { maxLength: 6 });

async function list(entries: ReturnType<StoreReader['entries']>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const [name, value] of entries) found.push([name, value.toString('hex')]);
  return found;
}

describe('block overlay', () => {
  it('property: reads as a store that holds the base and the earlier transactions', () =>
    fc.assert(
      fc.asyncProperty(
        writes,
        fc.array(writes, { maxLength: 4 }),
        key,
        key,
        fc.boolean(),
        async (base, transactions, from, to, reverse) => {
          const overlay = new BlockOverlay(new Memory(base));
          transactions.forEach((changes, tx) => overlay.note(tx, changes));
          for (let tx = 0; tx <= transactions.length; tx++) {
            const plain = new Memory([...base, ...transactions.slice(0, tx).flat()]);
            const layered = overlay.before(tx);
            const range = { from, to, reverse };
            expect(await list(layered.entries(range))).to.deep.equal(
              await list(plain.entries(range)),
            );
            const keys = [from, to];
            expect(await layered.getMany(keys)).to.deep.equal(await plain.getMany(keys));
          }
        },
      ),
    ));
});
