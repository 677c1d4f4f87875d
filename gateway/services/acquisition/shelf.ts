// What systems have handed in and what still waits: on disk as ciphertext only, each file under a key of its own, synced
// before anybody is told that it is here. The keys rest in the store, sealed under the master key.
//
// A file is AES-256-GCM ciphertext and its tag (16 bytes); the file's name is the additional data. The nonce is zero: no
// key encrypts twice.

import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { RandomBytes } from '../../ambient.js';
import { GatewayError } from '../../errors.js';

/** A file that is on disk. */
export interface Kept {
  /** Name of the file. */
  readonly file: string;
  readonly key: Uint8Array;
  readonly bytes: number;
  /** Of the plaintext, raw. */
  readonly sha1: Buffer;
  readonly sha256: Buffer;
  /** The plaintext's beginning, to tell what it is. */
  readonly head: Uint8Array;
}

const NONCE = Buffer.alloc(12);
const TAG_BYTES = 16;
const HEAD_BYTES = 64 * 1024;

export class Shelf {
  constructor(
    private readonly dir: string,
    private readonly random: RandomBytes,
  ) {}

  /**
   * Encrypts a stream to disk as it arrives, and syncs it.
   * @param grow told of each chunk before it is written; what it throws ends the reception
   * @throws GatewayError TOO_LARGE
   */
  async keep(
    file: string,
    stream: AsyncIterable<Uint8Array>,
    { maxBytes, grow }: { readonly maxBytes: number; readonly grow: (bytes: number) => void },
  ): Promise<Kept> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    const key = this.random(32);
    const cipher = createCipheriv('aes-256-gcm', key, NONCE).setAAD(Buffer.from(file));
    const [sha1, sha256] = [createHash('sha1'), createHash('sha256')];
    const head: Uint8Array[] = [];
    let [bytes, headBytes] = [0, 0];
    const handle = await open(this.#path(file), 'wx', 0o600);
    try {
      for await (const chunk of stream) {
        bytes += chunk.length;
        if (bytes > maxBytes)
          throw new GatewayError('TOO_LARGE', `The document is larger than ${maxBytes} bytes.`, {
            limitBytes: maxBytes,
          });
        grow(chunk.length);
        sha1.update(chunk);
        sha256.update(chunk);
        if (headBytes < HEAD_BYTES) headBytes += head[head.push(chunk) - 1]?.length ?? 0;
        await handle.writeFile(cipher.update(chunk));
      }
      await handle.writeFile(Buffer.concat([cipher.final(), cipher.getAuthTag()]));
      await handle.sync();
    } catch (error) {
      await handle.close();
      await this.remove(file);
      throw error;
    }
    await handle.close();
    await this.#syncFolder();
    const beginning = Buffer.concat(head).subarray(0, HEAD_BYTES);
    return { file, key, bytes, sha1: sha1.digest(), sha256: sha256.digest(), head: beginning };
  }

  /** The plaintext. What does not end in a throw was the very file. @throws GatewayError STORE_DAMAGED at its end */
  async *read(file: string, key: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    const { length, tag } = await this.#tagOf(file);
    const decipher = createDecipheriv('aes-256-gcm', key, NONCE)
      .setAAD(Buffer.from(file))
      .setAuthTag(tag);
    if (length > 0) {
      const ciphertext = createReadStream(this.#path(file), { end: length - 1 });
      for await (const chunk of ciphertext as AsyncIterable<Buffer>) yield decipher.update(chunk);
    }
    try {
      decipher.final();
    } catch (cause) {
      throw damaged(file, cause);
    }
  }

  async remove(file: string): Promise<void> {
    await rm(this.#path(file), { force: true });
  }

  /** Removes what a crash has left of receptions that nobody was told of. */
  async sweep(known: ReadonlySet<string>): Promise<void> {
    const names = await readdir(this.dir).catch(() => []);
    for (const name of names) if (!known.has(name)) await this.remove(name);
  }

  #path(file: string): string {
    return join(this.dir, file);
  }

  async #tagOf(file: string): Promise<{ length: number; tag: Buffer }> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(this.#path(file), 'r');
      const length = (await handle.stat()).size - TAG_BYTES;
      if (length < 0) throw new RangeError('shorter than its tag');
      const tag = Buffer.alloc(TAG_BYTES);
      await handle.read(tag, 0, TAG_BYTES, length);
      return { length, tag };
    } catch (cause) {
      throw damaged(file, cause);
    } finally {
      await handle?.close();
    }
  }

  /** A file's name is on disk when its folder is. */
  async #syncFolder(): Promise<void> {
    const folder = await open(this.dir, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

function damaged(file: string, cause: unknown): GatewayError {
  return new GatewayError('STORE_DAMAGED', 'A document that waits on disk is missing or damaged.', {
    ids: { file },
    cause,
  });
}
