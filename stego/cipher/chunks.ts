// Large reports, encrypted in chunks so that any range can be read without the rest: the STREAM
// construction of Hoang, Reyhanitabar, Rogaway and Vizar (CRYPTO 2015) over AES-256-GCM.
import { Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';
import { StegoError } from '../errors.js';
import { gcmOpen, gcmSeal } from './gcm.js';
import { deriveKey } from './keys.js';
import { TAG_BYTES, requireDataKey } from './suite.js';

/** Plaintext bytes per chunk unless the caller says otherwise: 1 MiB. */
export const DEFAULT_CHUNK_BYTES = 1 << 20;

const MAX_CHUNK_BYTES = 1 << 26;
// The counter has 32 bits; the limit keeps it from ever wrapping.
const MAX_CHUNKS = 2 ** 32 - 1;

/** What both directions must agree on. */
export interface ChunkOptions {
  /** Plaintext bytes in every chunk but the last. */
  readonly chunkBytes?: number;
  /** What the stream is bound to: a report's id, for instance. */
  readonly aad?: Uint8Array;
}

/** Where the chunks of an encrypted stream lie. */
export interface ChunkLayout {
  readonly chunkCount: number;
  readonly plaintextBytes: number;
  /** Offset and length, in the encrypted stream, of chunk `index`. */
  locate(index: number): { offsetBytes: number; lengthBytes: number; isLast: boolean };
}

interface ChunkKeys {
  readonly key: Uint8Array;
  readonly noncePrefix: Uint8Array;
  readonly aad: Uint8Array;
  readonly chunkBytes: number;
}

function chunkKeys(dataKey: Uint8Array, options: ChunkOptions): ChunkKeys {
  requireDataKey(dataKey);
  const chunkBytes = requireChunkBytes(options.chunkBytes ?? DEFAULT_CHUNK_BYTES);
  // The chunk size is part of the derivation: a stream cannot be re-read with other boundaries.
  const context = Buffer.alloc(4);
  context.writeUInt32BE(chunkBytes);
  return {
    key: deriveKey(dataKey, 'chunks', context, 32),
    noncePrefix: deriveKey(dataKey, 'chunks nonce', context, 7),
    aad: options.aad ?? new Uint8Array(0),
    chunkBytes,
  };
}

function requireChunkBytes(chunkBytes: number): number {
  if (!Number.isInteger(chunkBytes) || chunkBytes < 1 || chunkBytes > MAX_CHUNK_BYTES) {
    throw new StegoError('BAD_ARGUMENT', `a chunk holds 1 to ${MAX_CHUNK_BYTES} bytes`, {
      chunkBytes,
    });
  }
  return chunkBytes;
}

/** Nonce of one chunk: 7 derived bytes, the index in 4 bytes, and 1 for the last chunk, else 0. */
function chunkNonce(prefix: Uint8Array, index: number, isLast: boolean): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.set(prefix);
  nonce.writeUInt32BE(index, 7);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

/**
 * A stream that encrypts what is written to it. A data key may encrypt one stream, once.
 * @returns a Transform whose output is chunks of `chunkBytes + 16` bytes, the last one shorter or equal
 */
export function encryptChunks(dataKey: Uint8Array, options: ChunkOptions = {}): Transform {
  return new ChunkEncryptor(chunkKeys(dataKey, options));
}

class ChunkEncryptor extends Transform {
  readonly #keys: ChunkKeys;
  readonly #pending: Buffer;
  #pendingBytes = 0;
  #index = 0;

  constructor(keys: ChunkKeys) {
    super();
    this.#keys = keys;
    this.#pending = Buffer.alloc(keys.chunkBytes);
  }

  // A full chunk waits until more arrives: only then is it known not to be the last.
  override _transform(data: Buffer, _encoding: string, done: TransformCallback): void {
    let offset = 0;
    while (offset < data.length) {
      if (this.#pendingBytes === this.#pending.length && !this.#emit(false)) {
        done(new StegoError('PAYLOAD_TOO_LARGE', 'too many chunks: use larger ones'));
        return;
      }
      const take = Math.min(this.#pending.length - this.#pendingBytes, data.length - offset);
      data.copy(this.#pending, this.#pendingBytes, offset, offset + take);
      this.#pendingBytes += take;
      offset += take;
    }
    done();
  }

  override _flush(done: TransformCallback): void {
    this.#emit(true);
    this.#pending.fill(0);
    done();
  }

  #emit(isLast: boolean): boolean {
    if (this.#index >= MAX_CHUNKS) return false;
    const { key, noncePrefix, aad } = this.#keys;
    const nonce = chunkNonce(noncePrefix, this.#index, isLast);
    const plaintext = this.#pending.subarray(0, this.#pendingBytes);
    this.push(gcmSeal('A256GCM', key, nonce, aad, plaintext));
    this.#index += 1;
    this.#pendingBytes = 0;
    return true;
  }
}

/**
 * Works out the chunks of an encrypted stream from its length alone.
 * @throws StegoError AUTHENTICATION_FAILED when no stream has that length
 */
export function chunkLayout(
  encryptedBytes: number,
  chunkBytes: number = DEFAULT_CHUNK_BYTES,
): ChunkLayout {
  const stride = requireChunkBytes(chunkBytes) + TAG_BYTES;
  const chunkCount = Math.max(1, Math.ceil(encryptedBytes / stride));
  const lastBytes = encryptedBytes - (chunkCount - 1) * stride;
  if (!Number.isSafeInteger(encryptedBytes) || lastBytes < TAG_BYTES) {
    throw new StegoError('AUTHENTICATION_FAILED', 'the encrypted report was cut short', {
      encryptedBytes,
    });
  }
  return {
    chunkCount,
    plaintextBytes: encryptedBytes - chunkCount * TAG_BYTES,
    locate(index) {
      if (!Number.isInteger(index) || index < 0 || index >= chunkCount) {
        throw new StegoError('BAD_ARGUMENT', 'no such chunk', { index, chunkCount });
      }
      const isLast = index === chunkCount - 1;
      return { offsetBytes: index * stride, lengthBytes: isLast ? lastBytes : stride, isLast };
    },
  };
}

/** Decrypts single chunks, in any order. */
export interface ChunkDecryptor {
  /**
   * @param chunk - ciphertext and tag of chunk `index`
   * @param isLast - whether the stream ends with it
   * @throws StegoError AUTHENTICATION_FAILED when it is another chunk, a changed one, or not (the) last
   */
  decryptChunk(index: number, isLast: boolean, chunk: Uint8Array): Uint8Array;
}

/** Prepares the keys once for many {@link ChunkDecryptor.decryptChunk} calls. */
export function chunkDecryptor(dataKey: Uint8Array, options: ChunkOptions = {}): ChunkDecryptor {
  const { key, noncePrefix, aad, chunkBytes } = chunkKeys(dataKey, options);
  return {
    decryptChunk(index, isLast, chunk) {
      if (!Number.isInteger(index) || index < 0 || index >= MAX_CHUNKS) {
        throw new StegoError('BAD_ARGUMENT', 'no such chunk', { index });
      }
      const fits = isLast
        ? chunk.length <= chunkBytes + TAG_BYTES
        : chunk.length === chunkBytes + TAG_BYTES;
      if (!fits) {
        throw new StegoError('AUTHENTICATION_FAILED', 'the chunk has an impossible length', {
          index,
        });
      }
      return gcmOpen('A256GCM', key, chunkNonce(noncePrefix, index, isLast), aad, chunk);
    },
  };
}

/** One chunk of a stream, on its own. See {@link ChunkDecryptor.decryptChunk}. */
export function decryptChunk(
  dataKey: Uint8Array,
  index: number,
  isLast: boolean,
  chunk: Uint8Array,
  options: ChunkOptions = {},
): Uint8Array {
  return chunkDecryptor(dataKey, options).decryptChunk(index, isLast, chunk);
}

/** A stream that undoes {@link encryptChunks}; it fails before it hands out a byte of a bad chunk. */
export function decryptChunks(dataKey: Uint8Array, options: ChunkOptions = {}): Transform {
  const strideBytes = (options.chunkBytes ?? DEFAULT_CHUNK_BYTES) + TAG_BYTES;
  return new ChunkReader(chunkDecryptor(dataKey, options), strideBytes);
}

class ChunkReader extends Transform {
  readonly #decryptor: ChunkDecryptor;
  readonly #pending: Buffer;
  #pendingBytes = 0;
  #index = 0;

  constructor(decryptor: ChunkDecryptor, strideBytes: number) {
    super();
    this.#decryptor = decryptor;
    this.#pending = Buffer.alloc(strideBytes);
  }

  override _transform(data: Buffer, _encoding: string, done: TransformCallback): void {
    try {
      let offset = 0;
      while (offset < data.length) {
        if (this.#pendingBytes === this.#pending.length) this.#release(false);
        const take = Math.min(this.#pending.length - this.#pendingBytes, data.length - offset);
        data.copy(this.#pending, this.#pendingBytes, offset, offset + take);
        this.#pendingBytes += take;
        offset += take;
      }
      done();
    } catch (error) {
      done(asError(error));
    }
  }

  override _flush(done: TransformCallback): void {
    try {
      this.#release(true);
      done();
    } catch (error) {
      done(asError(error));
    }
  }

  #release(isLast: boolean): void {
    const chunk = this.#pending.subarray(0, this.#pendingBytes);
    this.push(this.#decryptor.decryptChunk(this.#index, isLast, chunk));
    this.#index += 1;
    this.#pendingBytes = 0;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
