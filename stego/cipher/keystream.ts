// A deterministic stream of random bits: AES-256 in counter mode (NIST SP 800-38A, 6.5) over zeros.
import { createCipheriv } from 'node:crypto';
import type { Cipher } from 'node:crypto';

const CHUNK_BYTES = 1 << 16;
const ZEROS = new Uint8Array(CHUNK_BYTES);

function startCipher(key: Uint8Array, domain: number): Cipher {
  const counterBlock = new Uint8Array(16);
  counterBlock[0] = domain;
  return createCipheriv('aes-256-ctr', key, counterBlock);
}

/**
 * The first `lengthBytes` bytes of the stream of `key` in one domain.
 * @param domain - first byte of the initial counter block; keeps several streams of one key apart
 */
export function keystreamBytes(key: Uint8Array, domain: number, lengthBytes: number): Uint8Array {
  return startCipher(key, domain).update(new Uint8Array(lengthBytes));
}

/** The same stream read as big-endian 32-bit words, produced in pieces that fit the cache. */
export class WordStream {
  readonly #cipher: Cipher;
  #words = new DataView(new ArrayBuffer(0));
  #offset = 0;

  constructor(key: Uint8Array, domain: number) {
    this.#cipher = startCipher(key, domain);
  }

  /** Fills the first `count` elements of `target` with the next words. */
  fill(target: Uint32Array, count: number): void {
    let filled = 0;
    while (filled < count) {
      if (this.#offset === this.#words.byteLength) this.#refill();
      const words = this.#words;
      const available = (words.byteLength - this.#offset) >> 2;
      const end = Math.min(count, filled + available);
      let offset = this.#offset;
      for (; filled < end; filled++, offset += 4) target[filled] = words.getUint32(offset);
      this.#offset = offset;
    }
  }

  #refill(): void {
    const bytes = this.#cipher.update(ZEROS);
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#offset = 0;
  }
}
