// A report as it arrives: in memory while it can still be hidden; beyond that, encrypted to a temporary file chunk by
// chunk, so that neither memory nor plaintext on disk grows with a CT study.

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Transform } from 'node:stream';
import { finished } from 'node:stream/promises';
import { encryptChunks } from '@prms/stego';
import type { CloudBody } from '../../clouds/index.js';
import { GatewayError } from '../../errors.js';
import { wipe } from '../../vault/index.js';
import { reportAad } from './binding.js';

/** The plaintext, whole: small enough to be hidden. */
export interface SmallReport {
  readonly kind: 'small';
  readonly bytes: Uint8Array;
}

/** The ciphertext, in a file that goes away with the draft. */
export interface LargeReport {
  readonly kind: 'large';
  readonly ciphertext: CloudBody;
  /** Of the ciphertext, 32 bytes. */
  readonly ciphertextSha256: Uint8Array;
}

export type ReceivedReport = (SmallReport | LargeReport) & {
  /** Of the plaintext. */
  readonly lengthBytes: number;
  readonly sha256: string;
  /** The plaintext's beginning, to tell what it is. */
  readonly head: Uint8Array;
  readonly fileName: string;
};

export interface DraftOptions {
  readonly id: string;
  readonly dataKey: Uint8Array;
  /** Reports above this are not hidden. */
  readonly stegoLimitBytes: number;
  readonly maxBytes: number;
  readonly tempDir: string;
  readonly onDispose: () => void;
}

const HEAD_BYTES = 64 * 1024;

/** One upload under way: its id, its data key, and what has come of it. */
export class Draft {
  readonly id: string;
  readonly dataKey: Uint8Array;
  #file: string | undefined;
  #disposed = false;

  constructor(private readonly options: DraftOptions) {
    this.id = options.id;
    this.dataKey = options.dataKey;
  }

  /** Reads the report to its end. @throws GatewayError TOO_LARGE */
  async take(stream: AsyncIterable<Uint8Array>, fileName: string): Promise<ReceivedReport> {
    const { stegoLimitBytes, maxBytes } = this.options;
    const plain = createHash('sha256');
    const small: Uint8Array[] = [];
    let lengthBytes = 0;
    let large: EncryptedFile | undefined;
    try {
      for await (const chunk of stream) {
        lengthBytes += chunk.length;
        if (lengthBytes > maxBytes) throw tooLarge(maxBytes);
        plain.update(chunk);
        if (large) await large.write(chunk);
        else small.push(chunk);
        if (!large && lengthBytes > stegoLimitBytes) {
          large = await this.#openFile();
          for (const early of small) await large.write(early);
        }
      }
      const ciphertext = await large?.end();
      return {
        ...this.#received(small, ciphertext),
        lengthBytes,
        sha256: plain.digest('hex'),
        head: headOf(small),
        fileName,
      };
    } catch (error) {
      await large?.abandon();
      throw error;
    }
  }

  /** Forgets the key and removes the file. Idempotent. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    wipe(this.dataKey);
    if (this.#file !== undefined) await rm(this.#file, { force: true });
    this.options.onDispose();
  }

  #received(
    small: readonly Uint8Array[],
    ciphertextSha256: Uint8Array | undefined,
  ): SmallReport | LargeReport {
    const file = this.#file;
    if (file === undefined || ciphertextSha256 === undefined)
      return { kind: 'small', bytes: Buffer.concat(small) };
    return { kind: 'large', ciphertext: () => createReadStream(file), ciphertextSha256 };
  }

  async #openFile(): Promise<EncryptedFile> {
    const { tempDir, id, dataKey } = this.options;
    await mkdir(tempDir, { recursive: true, mode: 0o700 });
    const path = join(tempDir, id);
    const handle = await open(path, 'wx', 0o600);
    this.#file = path;
    return new EncryptedFile(handle, encryptChunks(dataKey, { aad: reportAad(id) }));
  }
}

/** Writes plaintext into a file as encrypted chunks, and hashes what lies there. */
class EncryptedFile {
  readonly #hash: Hash = createHash('sha256');
  readonly #written: Promise<void>;

  constructor(
    private readonly handle: FileHandle,
    private readonly cipher: Transform,
  ) {
    this.#written = this.#drain();
    // Awaited in `end` or `abandon`; until then a failure must not count as unhandled.
    this.#written.catch(() => undefined);
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.cipher.write(chunk)) return;
    await Promise.race([
      new Promise((resolve) => this.cipher.once('drain', resolve)),
      this.#written,
    ]);
  }

  /** @returns SHA-256 of the ciphertext */
  async end(): Promise<Uint8Array> {
    this.cipher.end();
    await finished(this.cipher, { readable: false });
    await this.#written;
    return this.#hash.digest();
  }

  async abandon(): Promise<void> {
    this.cipher.destroy();
    await this.#written.catch(() => undefined);
  }

  async #drain(): Promise<void> {
    try {
      for await (const chunk of this.cipher as AsyncIterable<Uint8Array>) {
        this.#hash.update(chunk);
        // FileHandle.write may write less than it is given; writeFile at the present position does not.
        await this.handle.writeFile(chunk);
      }
    } finally {
      await this.handle.close();
    }
  }
}

function headOf(chunks: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(chunks).subarray(0, HEAD_BYTES);
}

function tooLarge(limitBytes: number): GatewayError {
  return new GatewayError('TOO_LARGE', `The report is larger than ${limitBytes} bytes.`, {
    limitBytes,
  });
}
