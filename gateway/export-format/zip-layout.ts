// The one zip layout that an export has (PKWARE APPNOTE 6.3): stored entries one after the other, without gaps, extra
// fields, comments or dates of their own, so that every byte between the contents is known beforehand and none can be
// changed unnoticed. Larger archives have the zip64 fields where they must.

/** One file in the archive. */
export interface ZipEntry {
  readonly name: string;
  readonly crc32: number;
  readonly size: number;
  /** Where its local header begins. */
  readonly offset: number;
}

/** Midnight, the first of January 1980, the earliest that the format knows. */
export const ZIP_DATE = new Date(1980, 0, 1);

const DOS_DATE = 0x0021;
const LIMIT_32 = 0xffffffff;
const LIMIT_16 = 0xffff;
const VERSION = 0x2d;
const UNIX = 3;
/** Sizes follow the data; names are UTF-8. */
const FLAGS = 0x0808;
const FILE_MODE = 0o100664;

export const END_BYTES = 22;
export const ZIP64_END_BYTES = 76;

export function localHeader(name: string): Buffer {
  const text = Buffer.from(name, 'utf8');
  const bytes = Buffer.alloc(30);
  bytes.writeUInt32LE(0x04034b50, 0);
  bytes.writeUInt16LE(VERSION, 4);
  bytes.writeUInt16LE(FLAGS, 6);
  bytes.writeUInt16LE(DOS_DATE, 12);
  bytes.writeUInt16LE(text.length, 26);
  return Buffer.concat([bytes, text]);
}

/** What follows the data. */
export function descriptor({ crc32, size }: Pick<ZipEntry, 'crc32' | 'size'>): Buffer {
  const large = size >= LIMIT_32;
  const bytes = Buffer.alloc(large ? 24 : 16);
  bytes.writeUInt32LE(0x08074b50, 0);
  bytes.writeUInt32LE(crc32, 4);
  if (large) {
    bytes.writeBigUInt64LE(BigInt(size), 8);
    bytes.writeBigUInt64LE(BigInt(size), 16);
  } else {
    bytes.writeUInt32LE(size, 8);
    bytes.writeUInt32LE(size, 12);
  }
  return bytes;
}

export function centralEntry({ name, crc32, size, offset }: ZipEntry): Buffer {
  const text = Buffer.from(name, 'utf8');
  const extra = zip64Extra(size, offset);
  const bytes = Buffer.alloc(46);
  bytes.writeUInt32LE(0x02014b50, 0);
  bytes.writeUInt8(VERSION, 4);
  bytes.writeUInt8(UNIX, 5);
  bytes.writeUInt16LE(VERSION, 6);
  bytes.writeUInt16LE(FLAGS, 8);
  bytes.writeUInt16LE(DOS_DATE, 14);
  bytes.writeUInt32LE(crc32, 16);
  bytes.writeUInt32LE(Math.min(size, LIMIT_32), 20);
  bytes.writeUInt32LE(Math.min(size, LIMIT_32), 24);
  bytes.writeUInt16LE(text.length, 28);
  bytes.writeUInt16LE(extra.length, 30);
  bytes.writeUInt16LE(FILE_MODE, 40);
  bytes.writeUInt32LE(Math.min(offset, LIMIT_32), 42);
  return Buffer.concat([bytes, text, extra]);
}

/** §4.5.3, with the fields that the writer puts there. */
function zip64Extra(size: number, offset: number): Buffer {
  const length = (size >= LIMIT_32 ? 28 : 0) | (offset >= LIMIT_32 ? 12 : 0);
  if (length === 0) return Buffer.alloc(0);
  const bytes = Buffer.alloc(length);
  bytes.writeUInt16LE(1, 0);
  bytes.writeUInt16LE(length - 4, 2);
  if (length >= 28) {
    bytes.writeBigUInt64LE(BigInt(size), 4);
    bytes.writeBigUInt64LE(BigInt(size), 12);
  }
  bytes.writeBigUInt64LE(BigInt(offset), length - 8);
  return bytes;
}

/** What the archive ends with. */
export function archiveEnd(entries: readonly ZipEntry[], offset: number, size: number): Buffer {
  const large = offset >= LIMIT_32 || entries.some((entry) => entry.size >= LIMIT_32);
  const end = Buffer.alloc(END_BYTES);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(entries.length, LIMIT_16), 8);
  end.writeUInt16LE(Math.min(entries.length, LIMIT_16), 10);
  end.writeUInt32LE(Math.min(size, LIMIT_32), 12);
  end.writeUInt32LE(Math.min(offset, LIMIT_32), 16);
  return large ? Buffer.concat([zip64End(entries.length, offset, size), end]) : end;
}

/** §4.3.14 and §4.3.15. */
function zip64End(count: number, offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(ZIP64_END_BYTES);
  bytes.writeUInt32LE(0x06064b50, 0);
  bytes.writeBigUInt64LE(44n, 4);
  bytes.writeUInt8(VERSION, 12);
  bytes.writeUInt8(UNIX, 13);
  bytes.writeUInt16LE(VERSION, 14);
  bytes.writeBigUInt64LE(BigInt(count), 24);
  bytes.writeBigUInt64LE(BigInt(count), 32);
  bytes.writeBigUInt64LE(BigInt(size), 40);
  bytes.writeBigUInt64LE(BigInt(offset), 48);
  bytes.writeUInt32LE(0x07064b50, 56);
  bytes.writeBigUInt64LE(BigInt(offset + size), 64);
  bytes.writeUInt32LE(1, 72);
  return bytes;
}
