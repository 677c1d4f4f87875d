// What a simulated transaction read and wrote, with the versions that it saw (Fabric's read-write set).
import { createHash } from 'node:crypto';
import { type ByteReader, ByteWriter } from './bytes.js';

/** Where a key was last written: the transaction's place in its block. */
export interface Version {
  readonly block: number;
  readonly tx: number;
}

export interface KeyRead {
  readonly key: string;
  /** null: the key did not exist. */
  readonly version: Version | null;
}

/**
 * A range that was read. `end` is exclusive when the iterator ran to its end (''= no upper bound), else it is the
 * last key that was read, inclusive: what lies behind it was not seen and can't be a phantom.
 */
export interface RangeRead {
  readonly start: string;
  readonly end: string;
  readonly exhausted: boolean;
  readonly count: number;
  /** {@link rangeDigest} of the keys and versions found. */
  readonly digest: Uint8Array;
}

export interface KeyWrite {
  readonly key: string;
  /** null: deleted. */
  readonly value: Uint8Array | null;
}

export interface ReadWriteSet {
  readonly reads: readonly KeyRead[];
  readonly ranges: readonly RangeRead[];
  readonly writes: readonly KeyWrite[];
}

export function sameVersion(a: Version | null, b: Version | null): boolean {
  if (a === null || b === null) return a === b;
  return a.block === b.block && a.tx === b.tx;
}

/** Does the range cover the key? Order is that of UTF-8 bytes, as the store iterates. */
export function covers(
  range: Pick<RangeRead, 'start' | 'end' | 'exhausted'>,
  key: string,
): boolean {
  if (compareKeys(key, range.start) < 0) return false;
  if (!range.exhausted) return compareKeys(key, range.end) <= 0;
  return range.end === '' || compareKeys(key, range.end) < 0;
}

/** Byte order of the keys' UTF-8. Plain string order differs beyond the basic multilingual plane. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** SHA-256 over the keys and versions that a range held, in key order. */
export function rangeDigest(results: ReadonlyMap<string, Version>): Uint8Array {
  const writer = new ByteWriter();
  for (const key of [...results.keys()].sort()) {
    writer.string(key);
    writeVersion(writer, results.get(key) ?? null);
  }
  return createHash('sha256').update(writer.finish()).digest();
}

function writeVersion(writer: ByteWriter, version: Version | null): void {
  if (version === null) writer.varint(0);
  else writer.varint(version.block + 1).varint(version.tx);
}

function readVersion(reader: ByteReader): Version | null {
  const block = reader.varint();
  return block === 0 ? null : { block: block - 1, tx: reader.varint() };
}

export function writeReadWriteSet(writer: ByteWriter, set: ReadWriteSet): void {
  writer.varint(set.reads.length);
  for (const { key, version } of set.reads) writeVersion(writer.string(key), version);
  writer.varint(set.ranges.length);
  for (const range of set.ranges) {
    writer
      .string(range.start)
      .string(range.end)
      .byte(range.exhausted ? 1 : 0);
    writer.varint(range.count).raw(range.digest);
  }
  writer.varint(set.writes.length);
  for (const { key, value } of set.writes) {
    writer.string(key).byte(value === null ? 0 : 1);
    if (value !== null) writer.bytes(value);
  }
}

export function readReadWriteSet(reader: ByteReader): ReadWriteSet {
  const reads: KeyRead[] = [];
  for (let left = reader.count(2); left > 0; left--) {
    reads.push({ key: reader.string(), version: readVersion(reader) });
  }
  const ranges: RangeRead[] = [];
  for (let left = reader.count(36); left > 0; left--) {
    ranges.push({
      start: reader.string(),
      end: reader.string(),
      exhausted: reader.byte() === 1,
      count: reader.varint(),
      digest: reader.raw(32),
    });
  }
  const writes: KeyWrite[] = [];
  for (let left = reader.count(2); left > 0; left--) {
    const key = reader.string();
    writes.push({ key, value: reader.byte() === 0 ? null : reader.bytes() });
  }
  return { reads, ranges, writes };
}
