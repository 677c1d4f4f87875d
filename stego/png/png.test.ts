// PNG in and out: every filter and strategy against two other decoders, and files that lie.
import { expect } from 'chai';
import fc from 'fast-check';
import { PNG } from 'pngjs';
import { deflateSync } from 'node:zlib';
import { StegoError } from '../errors.js';
import { PNG_FILTERS, crc32, decodePng, encodePng, parsePng, tableCrc32 } from './index.js';

function image(width: number, height: number, salt = 1) {
  const pixels = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => (i * i * salt + i * 7) & 0xff,
  );
  return { width, height, pixels };
}

function chunk(type: string, body: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(body.length, 0);
  frame.writeUInt32BE(crc32(named), 4);
  return Buffer.concat([frame.subarray(0, 4), named, frame.subarray(4)]);
}

function lyingPng(width: number, height: number, data: Uint8Array): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const parts = [chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([signature, ...parts]);
}

async function failureCode(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof StegoError ? error.code : String(error);
  }
  return 'none';
}

describe('the PNG writer', () => {
  for (const filter of PNG_FILTERS) {
    for (const deflate of ['huffman', 'rle', 1, 6] as const) {
      it(`${filter} with ${deflate}: three decoders agree to the bit`, async () => {
        for (const original of [image(37, 23), image(1, 1), image(1, 9), image(64, 2)]) {
          const file = encodePng(original, { filter, deflate });
          const pngjs = PNG.sync.read(Buffer.from(file));
          const rgb = pngjs.data.filter((_, i) => i % 4 !== 3);
          expect(Buffer.compare(rgb, original.pixels)).to.equal(0);
          for (const decoder of ['auto', 'sharp', 'pngjs'] as const) {
            const { width, height, pixels } = await decodePng(file, { decoder });
            expect([width, height]).to.deep.equal([original.width, original.height]);
            expect(Buffer.compare(pixels, original.pixels)).to.equal(0);
          }
        }
      });
    }
  }

  it('refuses dimensions that the pixels do not have', () => {
    expect(() => encodePng({ width: 2, height: 2, pixels: new Uint8Array(11) })).to.throw(
      StegoError,
    );
    expect(() => encodePng(image(2, 2), { deflate: 10 })).to.throw(StegoError);
  });
});

describe('the PNG reader', () => {
  it("undoes every filter of other writers' files", async () => {
    const original = image(50, 31, 3);
    for (const filterType of [0, 1, 2, 3, 4, -1]) {
      const png = new PNG({ width: 50, height: 31 });
      for (let i = 0; i < 50 * 31; i++) {
        png.data.set(original.pixels.subarray(i * 3, i * 3 + 3), i * 4);
        png.data[i * 4 + 3] = 255;
      }
      const file = PNG.sync.write(png, { colorType: 2, filterType });
      expect(Buffer.compare((await decodePng(file)).pixels, original.pixels)).to.equal(0);
    }
  });

  it('refuses bombs before it sets memory aside', async () => {
    const tiny = deflateSync(Buffer.alloc(100));
    const lies = decodePng(lyingPng(6000, 6000, tiny));
    expect(await failureCode(lies)).to.equal('CORRUPT_IMAGE');
    const huge = decodePng(lyingPng(100_000, 100_000, tiny));
    expect(await failureCode(huge)).to.equal('IMAGE_TOO_LARGE');
    const limited = decodePng(encodePng(image(20, 20)), { maxPixels: 399 });
    expect(await failureCode(limited)).to.equal('IMAGE_TOO_LARGE');
    // 30 MB of zeros behind the dimensions of a small image.
    const bomb = decodePng(lyingPng(10, 10, deflateSync(Buffer.alloc(30_000_000))));
    expect(await failureCode(bomb)).to.equal('CORRUPT_IMAGE');
  });

  it('refuses short data, unknown filters, broken checks and other files', async () => {
    const short = decodePng(lyingPng(10, 10, deflateSync(Buffer.alloc(309))));
    expect(await failureCode(short)).to.equal('CORRUPT_IMAGE');
    const unknown = decodePng(lyingPng(10, 10, deflateSync(Buffer.alloc(310, 5))));
    expect(await failureCode(unknown)).to.equal('CORRUPT_IMAGE');
    expect((await decodePng(lyingPng(10, 10, deflateSync(Buffer.alloc(310))))).width).to.equal(10);
    const file = Buffer.from(encodePng(image(10, 10)));
    for (let length = 0; length < file.length; length++) {
      const code = await failureCode(decodePng(file.subarray(0, length)));
      expect(code, `${length}`).to.equal(length < 8 ? 'UNSUPPORTED_IMAGE' : 'CORRUPT_IMAGE');
    }
    file[45] = (file[45] ?? 0) ^ 1;
    expect(await failureCode(decodePng(file))).to.equal('CORRUPT_IMAGE');
    expect(() => parsePng(Buffer.from('GIF89a'), 1e6)).to.throw(StegoError);
  });
});

describe('CRC-32', () => {
  it('is the check value of the catalogue, and both versions agree', () => {
    expect(tableCrc32(Buffer.from('123456789'))).to.equal(0xcbf43926);
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(tableCrc32(b, tableCrc32(a))).to.equal(crc32(Buffer.concat([a, b])));
      }),
    );
  });
});
