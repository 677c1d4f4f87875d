// A hash tree over a list of byte strings (RFC 6962 §2.1, with the list's length bound into the root): so that one of
// them can be shown to be in the list, and where, without showing the others.
//
// leaf = SHA-256(0x00 ‖ bytes), node = SHA-256(0x01 ‖ left ‖ right); an odd one out rises as it is.
// root = SHA-256(0x02 ‖ length, 8 bytes ‖ top); the top of an empty list is 32 zero bytes.
import { createHash, hash } from 'node:crypto';

/** Where one string stands in a list, and the hashes beside its way to the root, lowest first. */
export interface Place {
  readonly index: number;
  readonly count: number;
  readonly path: readonly Uint8Array[];
}

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);
const ROOT = Buffer.of(2);
const NOTHING = Buffer.alloc(32);
const LINE_FEED = 0x0a;

/** Up to so many bytes it costs less to lay the parts side by side than to hash them one after the other. */
const SIDE_BY_SIDE_BYTES = 16 * 1024;

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  if (length <= SIDE_BY_SIDE_BYTES) return hash('sha256', sideBySide(parts, length), 'buffer');
  const running = createHash('sha256');
  for (const part of parts) running.update(part);
  return running.digest();
}

const scratch = Buffer.alloc(SIDE_BY_SIDE_BYTES);

function sideBySide(parts: readonly Uint8Array[], length: number): Uint8Array {
  let at = 0;
  for (const part of parts) {
    scratch.set(part, at);
    at += part.length;
  }
  return scratch.subarray(0, length);
}

export function treeRoot(items: readonly Uint8Array[]): Buffer {
  let level = items.map((item) => sha256(LEAF, item));
  while (level.length > 1) level = levelAbove(level);
  return rootOf(items.length, level[0] ?? NOTHING);
}

/** @returns where the item at `index` stands. @throws RangeError when there is none */
export function placeOf(items: readonly Uint8Array[], index: number): Place {
  if (items[index] === undefined) throw new RangeError(`there is no item ${index}`);
  const path: Uint8Array[] = [];
  let level = items.map((item) => sha256(LEAF, item));
  for (let at = index; level.length > 1; at >>= 1) {
    const beside = level[at ^ 1];
    if (beside !== undefined) path.push(beside);
    level = levelAbove(level);
  }
  return { index, count: items.length, path };
}

/** The root of the list in which the item has this place, or undefined when no list has such a place. */
export function rootFrom(item: Uint8Array, { index, count, path }: Place): Buffer | undefined {
  if (!Number.isSafeInteger(count) || !Number.isSafeInteger(index)) return undefined;
  if (index < 0 || index >= count || count >= 2 ** 31) return undefined;
  const left = [...path];
  let hash = sha256(LEAF, item);
  for (let at = index, width = count; width > 1; at >>= 1, width = (width + 1) >> 1) {
    if ((at ^ 1) >= width) continue;
    const beside = left.shift();
    if (beside === undefined) return undefined;
    hash = at % 2 === 0 ? sha256(NODE, hash, beside) : sha256(NODE, beside, hash);
  }
  return left.length === 0 ? rootOf(count, hash) : undefined;
}

/** A text's lines, without their line feeds; an empty text is one empty line. Views, not copies. */
export function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let from = 0; ;) {
    const end = bytes.indexOf(LINE_FEED, from);
    if (end < 0) return [...lines, bytes.subarray(from)];
    lines.push(bytes.subarray(from, end));
    from = end + 1;
  }
}

function levelAbove(level: readonly Buffer[]): Buffer[] {
  const above: Buffer[] = [];
  for (let at = 0; at < level.length; at += 2) {
    const [left, right] = [level[at] ?? NOTHING, level[at + 1]];
    above.push(right === undefined ? left : sha256(NODE, left, right));
  }
  return above;
}

function rootOf(count: number, top: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(count));
  return sha256(ROOT, length, top);
}
