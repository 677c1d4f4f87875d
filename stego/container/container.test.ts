// Hiding and revealing through the front door: round trips, planning, and what must fail.
import { expect } from 'chai';
import fc from 'fast-check';
import sharp from 'sharp';
import { derivePartKeys, openCiphertext, sealReport } from '../cipher/index.js';
import { synthesiseCover } from '../cover/index.js';
import { StegoError } from '../errors.js';
import { decodePng, parsePng } from '../png/index.js';
import { psnr } from '../steganalysis/index.js';
import {
  capacityBytes,
  extractCiphertext,
  hide,
  hideCiphertext,
  paperCapacityBytes,
  paperHide,
  paperHidePixels,
  paperReveal,
  plan,
  reveal,
} from './index.js';

const dataKey = Buffer.alloc(32, 0x42);
const seeded = (n: number, width = 120, height = 90) =>
  synthesiseCover({ width, height, seed: Uint8Array.of(n) });
const covers = [1, 2, 3, 4].map((n) => seeded(n));

function bytes(length: number, salt = 1): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * i * salt + i) & 0xff));
}

async function failureCode(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof StegoError ? error.code : String(error);
  }
  return 'none';
}

describe('hiding and revealing', () => {
  it('gives back any payload from any number of parts in any order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 1900 }),
        fc.constantFrom('A256GCM' as const, 'A128GCM' as const),
        async (payload, suite) => {
          const { images, figures } = await hide({ payload, dataKey, suite, covers });
          expect(images.length).to.equal(figures.usedCovers.length);
          const shuffled = [...images].reverse();
          const report = await reveal({ images: shuffled, dataKey, suite });
          expect(Buffer.compare(report, payload)).to.equal(0);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('tells how near each image is to its cover, as measured pixel by pixel', async () => {
    const { images, figures } = await hide({ payload: bytes(1500), dataKey, covers });
    for (const [i, { coverIndex, psnrDb, changedSamples }] of figures.parts.entries()) {
      const cover = covers[coverIndex];
      const image = images[i];
      if (!cover || !image) throw new Error('a part without image');
      const measured = psnr(cover, await decodePng(image));
      expect(psnrDb).to.be.closeTo(measured, 1e-9);
      expect(changedSamples).to.be.greaterThan(0);
    }
  });

  it('lets part keys extract the ciphertext, which only the data key opens', async () => {
    const payload = bytes(2000);
    const { images } = await hide({ payload, dataKey, covers });
    expect(images.length).to.equal(3);
    const partKeys = [1, 2, 3].map((n) => derivePartKeys(dataKey, 'A256GCM', n));
    const [a, b, c] = images;
    if (a === undefined || b === undefined || c === undefined) throw new Error('three parts');
    const ciphertext = await extractCiphertext([c, a, b], partKeys);
    expect(ciphertext.length).to.equal(2016);
    expect(Buffer.from(ciphertext).includes(payload.subarray(0, 16))).to.equal(false);
    const report = openCiphertext(dataKey, 'A256GCM', ciphertext);
    expect(Buffer.compare(report, payload)).to.equal(0);
    const code = await failureCode(extractCiphertext([a, b, c], partKeys.slice(0, 2)));
    expect(code).to.equal('NOTHING_FOUND');
  });

  it('hides what was encrypted elsewhere, with part keys alone', async () => {
    const payload = bytes(2000);
    const ciphertext = sealReport(dataKey, 'A128GCM', payload);
    const partKeys = [1, 2, 3].map((n) => derivePartKeys(dataKey, 'A128GCM', n));
    const request = { ciphertext, partKeys, suite: 'A128GCM' as const, covers };
    const { images, figures } = await hideCiphertext(request);
    expect(figures.payloadBytes).to.equal(2000);
    const report = await reveal({ images, dataKey, suite: 'A128GCM' });
    expect(Buffer.compare(report, payload)).to.equal(0);
    const few = hideCiphertext({ ...request, partKeys: partKeys.slice(0, 2) });
    expect(await failureCode(few)).to.equal('BAD_ARGUMENT');
    const cut = hideCiphertext({ ...request, ciphertext: ciphertext.subarray(0, 15) });
    expect(await failureCode(cut)).to.equal('BAD_ARGUMENT');
    const large = hideCiphertext({ ...request, covers: covers.slice(0, 1) });
    expect(await failureCode(large)).to.equal('CAPACITY_EXCEEDED');
  });

  it('names a missing part, a conflicting one and a wrong key', async () => {
    const { images } = await hide({ payload: bytes(2000), dataKey, covers });
    const [first = new Uint8Array()] = images;
    const missing = reveal({ images: images.slice(0, 2), dataKey });
    expect(await failureCode(missing)).to.equal('PART_MISSING');
    const other = await hide({ payload: bytes(1900), dataKey, covers: covers.slice(1) });
    const mixed = reveal({ images: [...images, ...other.images.slice(0, 1)], dataKey });
    expect(await failureCode(mixed)).to.equal('PART_CONFLICT');
    // The same image twice is no conflict.
    expect((await reveal({ images: [...images, first], dataKey })).length).to.equal(2000);
    const wrongKey = reveal({ images, dataKey: Buffer.alloc(32) });
    expect(await failureCode(wrongKey)).to.equal('NOTHING_FOUND');
    expect(await failureCode(reveal({ images: [], dataKey }))).to.equal('BAD_ARGUMENT');
    const swapped = [first, ...other.images.slice(1)];
    expect(await failureCode(reveal({ images: swapped, dataKey }))).to.not.equal('none');
  });

  it('reads an image that was re-encoded without loss, by every decoder', async () => {
    const payload = bytes(400);
    const { images } = await hide({ payload, dataKey, covers });
    const [image = new Uint8Array()] = images;
    const again = await sharp(image).ensureAlpha().png({ progressive: true }).toBuffer();
    for (const decoder of ['auto', 'sharp', 'pngjs'] as const) {
      const report = await reveal({ images: [again], dataKey, decoder });
      expect(Buffer.compare(report, payload)).to.equal(0);
    }
    expect(parsePng(image, 1e6).chunkTypes).to.deep.equal(['IHDR', 'IDAT', 'IEND']);
  });
});

describe('planning', () => {
  it('is exact: what it allows fits, one byte more does not', async () => {
    for (const maxRate of [0.05, 0.2, 1]) {
      const most = capacityBytes(seeded(1), { maxRate });
      const request = { dataKey, covers: [seeded(1)], maxRate };
      const { images, figures } = await hide({ ...request, payload: bytes(most) });
      expect((await reveal({ images, dataKey })).length).to.equal(most);
      expect(figures.parts[0]?.rate).to.be.at.most(maxRate);
      const over = hide({ ...request, payload: bytes(most + 1) });
      expect(await failureCode(over)).to.equal('CAPACITY_EXCEEDED');
    }
  });

  it('uses the fewest covers, at an even rate, and skips those too small for a header', () => {
    const dims = [
      { width: 4, height: 4 },
      { width: 200, height: 100 },
      { width: 100, height: 100 },
      { width: 100, height: 100 },
    ];
    const { parts } = plan(1800, dims);
    expect(parts.map(({ coverIndex }) => coverIndex)).to.deep.equal([1, 2]);
    expect(parts.reduce((sum, part) => sum + part.bytes, 0)).to.equal(1816);
    const [one, two] = parts.map(({ rate }) => rate);
    expect(Math.abs((one ?? 0) - (two ?? 1))).to.be.below(0.002);
  });

  it('refuses what cannot be', () => {
    expect(() => plan(17 * 1024 * 1024, [])).to.throw(StegoError, /16 MiB/);
    expect(() => plan(10, [{ width: 100, height: 100 }], 1.5)).to.throw(StegoError, /rate/);
    expect(() => plan(-1, [])).to.throw(StegoError);
    expect(capacityBytes({ width: 5, height: 5 })).to.equal(0);
  });
});

describe('the paper profile', () => {
  const key = Buffer.from('2b7e151628aed2a6abf7158809cf4f3c', 'hex');
  const cover = seeded(9);

  /** The hidden bytes, read the way the format page says. */
  function redBits(pixels: Uint8Array, lengthBytes: number): string {
    let text = '';
    for (let i = 0; i < lengthBytes * 8; i += 8) {
      let byte = 0;
      for (let k = 0; k < 8; k++) byte = byte * 2 + ((pixels[(i + k) * 3] ?? 0) & 1);
      text += byte.toString(16).padStart(2, '0');
    }
    return text;
  }

  it('is AES-128-CBC (SP 800-38A, F.2.1) behind its length, in the red channel', () => {
    const iv = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
    const payload = Buffer.from('6bc1bee22e409f96e93d7e117393172a', 'hex');
    const { pixels } = paperHidePixels({ payload, key, cover, iv });
    expect(redBits(pixels, 36)).to.equal(
      `00000030${iv.toString('hex')}7649abac8119b246cee98e9b12e9197d`,
    );
    pixels.forEach((value, i) => {
      if (i % 3 !== 0 || i / 3 >= 52 * 8) expect(value).to.equal(cover.pixels[i]);
    });
  });

  it('encrypts as FIPS-197, appendix C.1', () => {
    const fipsKey = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
    const payload = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    const request = { payload, key: fipsKey, cover, iv: Buffer.alloc(16) };
    expect(redBits(paperHidePixels(request).pixels, 36).slice(40)).to.equal(
      '69c4e0d86a7b0430d8cdb78070b4c55a',
    );
  });

  it('gives back what was hidden, up to its capacity', async () => {
    const payload = bytes(paperCapacityBytes(cover));
    const image = await paperHide({ payload, key, cover });
    expect(Buffer.compare(await paperReveal({ image, key }), payload)).to.equal(0);
    const tooMuch = paperHide({ payload: bytes(payload.length + 1), key, cover });
    expect(await failureCode(tooMuch)).to.equal('CAPACITY_EXCEEDED');
    const { images } = await hide({ payload: bytes(10), dataKey, covers });
    const notPaper = paperReveal({ image: images[0] ?? new Uint8Array(), key });
    expect(await failureCode(notPaper)).to.equal('NOTHING_FOUND');
  });
});
