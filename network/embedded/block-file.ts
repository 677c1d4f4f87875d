// Blocks in a file of their own, one behind the other. They are written once and never change: LevelDB would carry each
// of them from level to level, again and again, for the sake of an order that they have already.
//
// LevelDB holds a pointer in a block's place: where in the file it begins, 48 bits, and how long it is, 32 bits. What a
// crash leaves behind the last block that is pointed to stays there and is never read.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LedgerError } from '../ledger.js';

/** No file name that LevelDB takes for one of its own. */
const FILE = 'blocks.bin';
const POINTER_BYTES = 10;

export class BlockFile {
  #closed: Promise<void> | undefined;

  private constructor(
    private readonly file: FileHandle,
    private readonly path: string,
    private end: number,
  ) {}

  /** Opens the file in a database's folder, or begins it. */
  static async open(dir: string): Promise<BlockFile> {
    const path = join(dir, FILE);
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    const { size } = await file.stat();
    // Its name must be on disk before anything points into it.
    if (size === 0) await syncFolder(dirname(path));
    return new BlockFile(file, path, size);
  }

  /** Is this, in a block's place, a pointer? No block is so short: its hashes and its signature alone take more. */
  static isPointer(value: Uint8Array): boolean {
    return value.length === POINTER_BYTES;
  }

  /** Writes a block behind the last one. @returns the pointer to it, good once {@link sync} has resolved */
  async append(block: Uint8Array): Promise<Buffer> {
    const at = this.end;
    this.end += block.length;
    for (let done = 0; done < block.length;) {
      const left = block.length - done;
      done += (await this.file.write(block, done, left, at + done)).bytesWritten;
    }
    const pointer = Buffer.alloc(POINTER_BYTES);
    pointer.writeUIntBE(at, 0, 6);
    pointer.writeUInt32BE(block.length, 6);
    return pointer;
  }

  /** Resolves when the disk has what was appended. */
  async sync(): Promise<void> {
    await this.file.datasync();
  }

  /** @throws LedgerError CORRUPT when the file ends before the block does */
  async read(pointer: Buffer): Promise<Buffer> {
    const at = pointer.readUIntBE(0, 6);
    const block = Buffer.allocUnsafe(pointer.readUInt32BE(6));
    for (let done = 0; done < block.length;) {
      const { bytesRead } = await this.file.read(block, done, block.length - done, at + done);
      if (bytesRead === 0) {
        const message = `${this.path} ends before a block that should be in it: restore it from a backup`;
        throw new LedgerError('CORRUPT', message, { file: this.path });
      }
      done += bytesRead;
    }
    return block;
  }

  close(): Promise<void> {
    this.#closed ??= this.file.close();
    return this.#closed;
  }
}

async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
