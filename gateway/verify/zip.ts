// Reads an export's zip and believes nothing: every byte between the contents has to be the one that the layout
// (`export-format/zip-layout.ts`) puts there, so nothing can hide between files, behind the end, or in a second directory.
// Contents are stored, never compressed: an archive can't grow beyond its own size.
import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import {
  archiveEnd,
  centralEntry,
  descriptor,
  END_BYTES,
  isExportName,
  localHeader,
  ZIP64_END_BYTES,
  type ZipEntry,
} from '../export-format/index.js';
import { NotProven } from './findings.js';

const LIMIT_32 = 0xffffffff;
/** The directory of the largest export: 60,000 reports. */
const MAX_DIRECTORY_BYTES = 64 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;

export class ExportZip {
  readonly #named: ReadonlyMap<string, ZipEntry>;

  private constructor(
    private readonly file: FileHandle,
    /** In the order of the archive. */
    readonly entries: readonly ZipEntry[],
  ) {
    this.#named = new Map(entries.map((entry) => [entry.name, entry]));
  }

  /** @throws NotProven when the file is not one whole, untouched archive */
  static async open(path: string): Promise<ExportZip> {
    const file = await open(path, 'r');
    try {
      return new ExportZip(file, await readDirectory(file, path));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  entry(name: string): ZipEntry | undefined {
    return this.#named.get(name);
  }

  /** The content, checked against the archive's own checksum at the end. @throws NotProven naming the file */
  async *content({ name, offset, size, crc32: expected }: ZipEntry): AsyncGenerator<Buffer> {
    const header = localHeader(name);
    await this.#mustHold(name, offset, header);
    const from = offset + header.length;
    let sum = 0;
    for (let at = 0; at < size; at += READ_BYTES) {
      const piece = await readAt(this.file, from + at, Math.min(READ_BYTES, size - at));
      sum = crc32(piece, sum);
      yield piece;
    }
    if (sum !== expected) throw new NotProven(name, 'its checksum in the archive is another one');
    await this.#mustHold(name, from + size, descriptor({ crc32: expected, size }));
  }

  /** A content that has to be in memory as a whole. @throws NotProven when it is larger than `maxBytes` */
  async whole(entry: ZipEntry, maxBytes: number): Promise<Buffer> {
    if (entry.size > maxBytes) throw new NotProven(entry.name, `is larger than ${maxBytes} bytes`);
    const pieces: Buffer[] = [];
    for await (const piece of this.content(entry)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  async #mustHold(name: string, at: number, expected: Buffer): Promise<void> {
    const found = await readAt(this.file, at, expected.length);
    if (!found.equals(expected)) {
      throw new NotProven(name, `the archive was changed around this file, at byte ${at}`);
    }
  }
}

async function readDirectory(file: FileHandle, path: string): Promise<ZipEntry[]> {
  const { size: total } = await file.stat();
  const { offset, size, endBytes } = await readEnd(file, path, total);
  if (size > MAX_DIRECTORY_BYTES || offset < 0 || offset + size + endBytes !== total) {
    throw new NotProven(path, 'the archive is cut off, or something was added to it');
  }
  const bytes = await readAt(file, offset, size);
  const entries = parseDirectory(bytes, path);
  checkPlaces(entries, offset, path);
  const expected = Buffer.concat(entries.map(centralEntry));
  if (!expected.equals(bytes)) {
    throw new NotProven(
      differing(entries, bytes) ?? path,
      'its entry in the directory was changed',
    );
  }
  const end = await readAt(file, offset + size, endBytes);
  if (!end.equals(archiveEnd(entries, offset, size))) {
    throw new NotProven(path, 'the archive’s end was changed');
  }
  return entries;
}

async function readEnd(file: FileHandle, path: string, total: number) {
  if (total < END_BYTES) throw new NotProven(path, 'is no zip archive');
  const end = await readAt(file, total - END_BYTES, END_BYTES);
  if (end.readUInt32LE(0) !== 0x06054b50) {
    throw new NotProven(path, 'is no zip archive, or not a whole one: it does not end as one');
  }
  const small = { offset: end.readUInt32LE(16), size: end.readUInt32LE(12), endBytes: END_BYTES };
  const from = total - END_BYTES - ZIP64_END_BYTES;
  if (from < 0) return small;
  const large = await readAt(file, from, ZIP64_END_BYTES);
  if (small.offset !== LIMIT_32 && large.readUInt32LE(0) !== 0x06064b50) return small;
  const [size, offset] = [large.readBigUInt64LE(40), large.readBigUInt64LE(48)];
  const endBytes = END_BYTES + ZIP64_END_BYTES;
  if (size + offset > BigInt(total)) throw new NotProven(path, 'the archive’s end was changed');
  return { offset: Number(offset), size: Number(size), endBytes };
}

function parseDirectory(bytes: Buffer, path: string): ZipEntry[] {
  const entries: ZipEntry[] = [];
  const names = new Set<string>();
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < 46) throw new NotProven(path, 'the archive’s directory is cut off');
    const [nameBytes, extraBytes] = [bytes.readUInt16LE(at + 28), bytes.readUInt16LE(at + 30)];
    const extraAt = at + 46 + nameBytes;
    if (extraAt + extraBytes > bytes.length) {
      throw new NotProven(path, 'the archive’s directory is cut off');
    }
    const name = bytes.toString('utf8', at + 46, extraAt);
    if (!isExportName(name)) {
      throw new NotProven(path, `holds a file that no export has: ${JSON.stringify(name)}`);
    }
    // The same letters in capitals, or composed otherwise, are the same file on some systems.
    const folded = name.normalize('NFC').toLowerCase();
    if (names.has(folded)) throw new NotProven(name, 'is in the archive twice');
    names.add(folded);
    const extra = bytes.subarray(extraAt, extraAt + extraBytes);
    entries.push({ name, ...placeOf(bytes.subarray(at, at + 46), extra, path) });
    at = extraAt + extraBytes;
  }
  return entries;
}

function placeOf(entry: Buffer, extra: Buffer, path: string): Omit<ZipEntry, 'name'> {
  const place = {
    crc32: entry.readUInt32LE(16),
    size: entry.readUInt32LE(24),
    offset: entry.readUInt32LE(42),
  };
  if (extra.length === 0) return place;
  if (extra.length !== 28 && extra.length !== 12) {
    throw new NotProven(path, 'the archive’s directory has fields that no export has');
  }
  const offset = Number(extra.readBigUInt64LE(extra.length - 8));
  const size = extra.length === 28 ? Number(extra.readBigUInt64LE(4)) : place.size;
  return { ...place, size, offset };
}

/** One after the other from the first byte on, and the directory right behind them. */
function checkPlaces(entries: readonly ZipEntry[], directory: number, path: string): void {
  let at = 0;
  for (const entry of entries) {
    if (entry.offset !== at) throw new NotProven(entry.name, 'does not lie where it should');
    at += localHeader(entry.name).length + entry.size + descriptor(entry).length;
  }
  if (at !== directory) throw new NotProven(path, 'there are bytes between the files');
}

function differing(entries: readonly ZipEntry[], bytes: Buffer): string | undefined {
  let at = 0;
  for (const entry of entries) {
    const expected = centralEntry(entry);
    if (!bytes.subarray(at, at + expected.length).equals(expected)) return entry.name;
    at += expected.length;
  }
  return undefined;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
