// A compact binary encoding: unsigned varints (LEB128), length-prefixed bytes and UTF-8 strings.
// Reading never trusts a length: a short or oversized buffer is a `MalformedBytes`, never an allocation.

/** Thrown by {@link ByteReader}; callers turn it into what it means to them. */
export class MalformedBytes extends Error {
  override readonly name = 'MalformedBytes';
}

/** Appends to a buffer that grows by doubling. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(initialBytes = 1024) {
    this.#buffer = Buffer.allocUnsafe(initialBytes);
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
    return this;
  }

  /** An unsigned integer up to 2^53 - 1. */
  varint(value: number): this {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
    return this;
  }

  /** Bytes without a length: the reader has to know it. */
  raw(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  bytes(value: Uint8Array): this {
    return this.varint(value.length).raw(value);
  }

  string(value: string): this {
    const length = Buffer.byteLength(value);
    this.varint(length);
    this.#reserve(length);
    this.#buffer.write(value, this.#length, length, 'utf8');
    this.#length += length;
    return this;
  }

  /** What was written; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** Reads what a {@link ByteWriter} wrote. Byte strings are views on the buffer, not copies. */
export class ByteReader {
  #at = 0;

  constructor(private readonly buffer: Buffer) {}

  byte(): number {
    return this.raw(1).readUInt8(0);
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let digits = 0; digits < 8; digits++) {
      const next = this.byte();
      value += (next & 0x7f) * scale;
      if (next < 0x80) {
        // One number, one encoding: a padded one could change bytes without changing meaning.
        if (digits > 0 && next === 0) break;
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 0x80;
    }
    throw new MalformedBytes('a number is badly encoded');
  }

  raw(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.buffer.length) throw new MalformedBytes('the bytes end too early');
    const view = this.buffer.subarray(this.#at, end);
    this.#at = end;
    return view;
  }

  bytes(): Buffer {
    return this.raw(this.varint());
  }

  /** All that is left. */
  rest(): Buffer {
    return this.raw(this.buffer.length - this.#at);
  }

  string(): string {
    return this.bytes().toString('utf8');
  }

  /** A count of items that take at least `leastBytes` each, so that a lie can't make us allocate. */
  count(leastBytes = 1): number {
    const count = this.varint();
    if (count * leastBytes > this.buffer.length - this.#at) {
      throw new MalformedBytes('a list is longer than the bytes that hold it');
    }
    return count;
  }

  end(): void {
    if (this.#at !== this.buffer.length) throw new MalformedBytes('there are bytes after the end');
  }
}
