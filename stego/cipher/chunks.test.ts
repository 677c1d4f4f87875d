// Chunked encryption: round trips, random access, and every way of cutting or shuffling a stream.
import { expect } from 'chai';
import fc from 'fast-check';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { StegoError } from '../errors.js';
import { chunkLayout, decryptChunk, decryptChunks, encryptChunks } from './index.js';

const dataKey = Buffer.alloc(32, 3);
const options = { chunkBytes: 100, aad: Buffer.from('report-1') };

function encrypt(plaintext: Uint8Array, pieceBytes = 33): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < plaintext.length; i += pieceBytes) {
    pieces.push(plaintext.subarray(i, i + pieceBytes));
  }
  return buffer(Readable.from(pieces).pipe(encryptChunks(dataKey, options)));
}

async function failureCode(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof StegoError ? error.code : String(error);
  }
  return 'none';
}

function decrypt(encrypted: Uint8Array): Promise<Buffer> {
  const stream = decryptChunks(dataKey, options);
  stream.end(encrypted);
  return buffer(stream);
}

describe('chunked encryption', () => {
  it('gives back any bytes, however they were written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 520 }),
        fc.integer({ min: 1, max: 250 }),
        async (plaintext, pieceBytes) => {
          const encrypted = await encrypt(plaintext, pieceBytes);
          const layout = chunkLayout(encrypted.length, 100);
          expect(layout.plaintextBytes).to.equal(plaintext.length);
          expect(Buffer.compare(await decrypt(encrypted), plaintext)).to.equal(0);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('reads one chunk without the others', async () => {
    const plaintext = Buffer.from(Array.from({ length: 450 }, (_, i) => i & 0xff));
    const encrypted = await encrypt(plaintext);
    const layout = chunkLayout(encrypted.length, 100);
    expect(layout.chunkCount).to.equal(5);
    for (let index = 4; index >= 0; index--) {
      const { offsetBytes, lengthBytes, isLast } = layout.locate(index);
      const chunk = encrypted.subarray(offsetBytes, offsetBytes + lengthBytes);
      const part = decryptChunk(dataKey, index, isLast, chunk, options);
      expect(Buffer.compare(part, plaintext.subarray(index * 100, index * 100 + 100))).to.equal(0);
    }
    expect(() => layout.locate(5)).to.throw(StegoError);
  });

  it('notices truncation, reordering, repetition, other keys and other reports', async () => {
    const encrypted = await encrypt(Buffer.alloc(300, 1));
    const [a, b, c] = [0, 116, 232].map((at) => encrypted.subarray(at, at + 116));
    if (a === undefined || b === undefined || c === undefined) throw new Error('three chunks');
    for (const forged of [[a, b], [a], [b, a, c], [a, a, c], [a, b, c, c], [a, b, c.subarray(1)]]) {
      expect(await failureCode(decrypt(Buffer.concat(forged)))).to.equal('AUTHENTICATION_FAILED');
    }
    expect(await failureCode(decrypt(Buffer.alloc(0)))).to.equal('AUTHENTICATION_FAILED');
    const elsewhere = { ...options, aad: Buffer.from('report-2') };
    expect(() => decryptChunk(dataKey, 0, false, a, elsewhere)).to.throw(StegoError);
    expect(() => decryptChunk(Buffer.alloc(32), 0, false, a, options)).to.throw(StegoError);
    expect(() => decryptChunk(dataKey, 0, true, a, options)).to.throw(StegoError);
  });

  it('refuses lengths that no stream has', () => {
    expect(() => chunkLayout(15, 100)).to.throw(StegoError);
    expect(() => chunkLayout(120, 100)).to.throw(StegoError);
    expect(chunkLayout(16, 100).plaintextBytes).to.equal(0);
  });
});
