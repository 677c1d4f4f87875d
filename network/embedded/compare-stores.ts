// Walks two stores side by side and tells the first difference.
import { splitHistoryKey, splitStateKey } from './keys.js';
import { decodeVersioned } from './state.js';
import type { KeyRange, StoreReader } from './store.js';

type Entry = readonly [key: string, value: Buffer];

export interface Comparison {
  /** Entries that are equal. */
  readonly same: number;
  readonly difference?: { readonly block: number; readonly message: string };
}

export async function compareStores(
  held: StoreReader,
  rebuilt: StoreReader,
  range: KeyRange,
): Promise<Comparison> {
  const holds = held.entries(range);
  const should = rebuilt.entries(range);
  let same = 0;
  try {
    for (;;) {
      const [left, right] = await Promise.all([holds.next(), should.next()]);
      if (left.done === true && right.done === true) return { same };
      const difference = compareEntries(valueOf(left), valueOf(right));
      if (difference !== undefined) return { same, difference };
      same++;
    }
  } finally {
    await Promise.all([holds.return(), should.return()]);
  }
}

function valueOf(step: IteratorResult<Entry, void>): Entry | undefined {
  return step.done === true ? undefined : step.value;
}

function compareEntries(
  held: Entry | undefined,
  should: Entry | undefined,
): Comparison['difference'] {
  if (held !== undefined && should !== undefined && held[0] === should[0]) {
    if (held[1].equals(should[1])) return undefined;
    return {
      block: blockOf(should),
      message: `the value held for ${name(should)} is not the one written`,
    };
  }
  const heldFirst =
    should === undefined ||
    (held !== undefined && Buffer.compare(Buffer.from(held[0]), Buffer.from(should[0])) < 0);
  const entry = heldFirst ? held : should;
  if (entry === undefined) return undefined;
  const message = heldFirst
    ? `${name(entry)} is held and no block wrote it`
    : `${name(entry)} is missing though a block wrote it`;
  return { block: blockOf(entry), message };
}

/** The block that the entry points to, as far as it can be read. */
function blockOf([key, value]: Entry): number {
  if (key.startsWith('h/')) return splitHistoryKey(key).block;
  if (key.startsWith('t/')) return Number(value.toString()) || 0;
  return value.length < 10 ? 0 : decodeVersioned(value).version.block;
}

function name([stored]: Entry): string {
  if (stored.startsWith('h/')) return `a history entry of ${JSON.stringify(stored.slice(2, -20))}`;
  if (stored.startsWith('t/')) return `the place of transaction ${stored.slice(2)}`;
  const { chaincode, key } = splitStateKey(stored);
  return `key ${JSON.stringify(key)} of chaincode ${chaincode}`;
}
