// Where things lie in the store, and which keys a chaincode may use (Fabric's rules).
import type { KeyRange } from './store.js';

/** Bounds on what a chaincode may write; Fabric's own are far beyond what a record should be. */
export const LIMITS = {
  keyBytes: 4096,
  valueBytes: 4 * 1024 * 1024,
  /** One transaction's function and arguments. */
  argumentBytes: 16 * 1024 * 1024,
} as const;

const COMPOSITE_START = '\u0000';
const COMPOSITE_SEPARATOR = '\u0000';
/** The largest code point: ends the range of a partial composite key. */
const MAX_RUNE = '\u{10ffff}';
/** Stands for "from the beginning" and leaves composite keys, which start with U+0000, out. */
const FIRST_SIMPLE_KEY = '\u0001';

export const HEAD_KEY = 'm/head';
export const CHAINCODE_NAME = /^[A-Za-z0-9]+([-_][A-Za-z0-9]+)*$/;

export const blockKey = (number: number): string => `b/${hex(number, 14)}`;
export const isBlockKey = (stored: string): boolean => stored.startsWith('b/');
/** Where a transaction lies: its id, and as the value its block's number. */
export const transactionKey = (id: string): string => `t/${id}`;
export const ALL_TRANSACTIONS: KeyRange = { from: 't/', to: 't0' };
export const ALL_BLOCKS: KeyRange = { from: 'b/', to: 'b0' };
export const ALL_STATE: KeyRange = { from: 's/', to: 's0' };
export const ALL_HISTORY: KeyRange = { from: 'h/', to: 'h0' };

// A chaincode's name can't hold U+0000, so namespaces can't run into each other.
export const stateKey = (chaincode: string, key: string): string => `s/${chaincode}\u0000${key}`;
const endOfState = (chaincode: string): string => `s/${chaincode}\u0001`;

export function stateRange(chaincode: string, start: string, end: string): KeyRange {
  return {
    from: stateKey(chaincode, start),
    to: end === '' ? endOfState(chaincode) : stateKey(chaincode, end),
  };
}

export function splitStateKey(stored: string): { chaincode: string; key: string } {
  const at = stored.indexOf('\u0000');
  return { chaincode: stored.slice(2, at), key: stored.slice(at + 1) };
}

/** The key's length stands first, so that one key's history never lies among another's. */
const historyPrefix = (chaincode: string, key: string): string =>
  `h/${chaincode}\u0000${hex(Buffer.byteLength(key), 4)}${key}\u0000`;

export const historyKey = (chaincode: string, key: string, block: number, tx: number): string =>
  `${historyPrefix(chaincode, key)}${hex(block, 14)}${hex(tx, 6)}`;

/** The key's modifications in blocks below `height`, newest first as Fabric tells them. */
export function historyRange(chaincode: string, key: string, height: number): KeyRange {
  const prefix = historyPrefix(chaincode, key);
  return { from: prefix, to: `${prefix}${hex(height, 14)}`, reverse: true };
}

export function splitHistoryKey(stored: string): { block: number; tx: number } {
  return {
    block: Number.parseInt(stored.slice(-20, -6), 16),
    tx: Number.parseInt(stored.slice(-6), 16),
  };
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

// A lone surrogate would come back from the disk as U+FFFD: another key.
const LONE_SURROGATE = /\p{Surrogate}/u;

/** @throws Error, in the chaincode's face, when the key can't be used for one value. */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== 'string' || key === '') throw new Error('a key must be a non-empty string');
  if (LONE_SURROGATE.test(key)) throw new Error('a key must be well-formed Unicode');
  if (key.length > LIMITS.keyBytes || Buffer.byteLength(key) > LIMITS.keyBytes) {
    throw new Error(`a key may take ${LIMITS.keyBytes} bytes at most`);
  }
}

/** Bounds of a simple range, as Fabric's shim reads them: composite keys are not reachable. */
export function simpleRange(start: unknown, end: unknown): { start: string; end: string } {
  const bounds = { start: rangeBound(start), end: rangeBound(end) };
  for (const bound of Object.values(bounds)) {
    if (bound.startsWith(COMPOSITE_START)) {
      throw new Error(
        'the bounds of a range may not start with U+0000: that is where composite keys lie',
      );
    }
  }
  return { start: bounds.start === '' ? FIRST_SIMPLE_KEY : bounds.start, end: bounds.end };
}

function rangeBound(bound: unknown): string {
  if (bound === '' || bound === undefined || bound === null) return '';
  checkKey(bound);
  return bound;
}

export function createCompositeKey(objectType: unknown, attributes: unknown): string {
  if (!Array.isArray(attributes)) throw new Error('attributes must be an array');
  let key = COMPOSITE_START;
  for (const part of [objectType, ...attributes.map((value: unknown) => value)]) {
    if (typeof part !== 'string' || part === '') {
      throw new Error('object type or attribute not a non-zero length string');
    }
    if (part.includes(COMPOSITE_SEPARATOR) || part.includes(MAX_RUNE)) {
      throw new Error('a part of a composite key may hold neither U+0000 nor U+10FFFF');
    }
    key += part + COMPOSITE_SEPARATOR;
  }
  return key;
}

export function splitCompositeKey(key: string): {
  objectType: string | null;
  attributes: string[];
} {
  if (key.length < 2 || !key.startsWith(COMPOSITE_START))
    return { objectType: null, attributes: [] };
  const [objectType, ...rest] = key.slice(1).split(COMPOSITE_SEPARATOR);
  return { objectType: objectType ?? null, attributes: rest.slice(0, -1) };
}

export function partialCompositeRange(
  objectType: unknown,
  attributes: unknown,
): { start: string; end: string } {
  const start = createCompositeKey(objectType, attributes);
  return { start, end: start + MAX_RUNE };
}
