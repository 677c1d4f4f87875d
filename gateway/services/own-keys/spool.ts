// A ciphertext as it arrives: in memory while it can still be hidden, beyond that in a file that goes away afterwards.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { LargeReport } from '../reports/draft.js';
import { GatewayError } from '../../errors.js';

/** Small enough to be hidden. */
export interface SmallCiphertext {
  readonly kind: 'small';
  readonly bytes: Uint8Array;
}

export interface SpoolLimits {
  /** More than this is not hidden. */
  readonly smallBytes: number;
  readonly maxBytes: number;
  readonly tempDir: string;
}

export class Spool {
  #file: string | undefined;

  constructor(
    private readonly id: string,
    private readonly limits: SpoolLimits,
  ) {}

  /** Reads to the end. @throws GatewayError TOO_LARGE */
  async take(stream: AsyncIterable<Uint8Array>): Promise<SmallCiphertext | LargeReport> {
    const { smallBytes, maxBytes } = this.limits;
    const hash = createHash('sha256');
    const small: Uint8Array[] = [];
    let length = 0;
    let handle: FileHandle | undefined;
    try {
      for await (const bytes of stream) {
        length += bytes.length;
        if (length > maxBytes)
          throw new GatewayError('TOO_LARGE', `The ciphertext is larger than ${maxBytes} bytes.`, {
            limitBytes: maxBytes,
          });
        hash.update(bytes);
        small.push(bytes);
        if (length <= smallBytes) continue;
        handle ??= await this.#open();
        // FileHandle.write may write less than it is given; writeFile at the present position does not.
        for (const waiting of small.splice(0)) await handle.writeFile(waiting);
      }
    } finally {
      await handle?.close();
    }
    const file = this.#file;
    if (file === undefined) return { kind: 'small', bytes: Buffer.concat(small) };
    const ciphertext = () => createReadStream(file);
    return { kind: 'large', ciphertext, ciphertextSha256: hash.digest() };
  }

  async dispose(): Promise<void> {
    if (this.#file !== undefined) await rm(this.#file, { force: true });
  }

  async #open(): Promise<FileHandle> {
    const { tempDir } = this.limits;
    await mkdir(tempDir, { recursive: true, mode: 0o700 });
    const file = join(tempDir, `${this.id}.sealed`);
    const handle = await open(file, 'w', 0o600);
    this.#file = file;
    return handle;
  }
}
