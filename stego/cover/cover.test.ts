// Covers from every kind of file, the marks by which they are known again, and synthetic ones.
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { deflateSync } from 'node:zlib';
import { StegoError } from '../errors.js';
import { crc32, encodePng, parsePng } from '../png/index.js';
import { analyse } from '../steganalysis/index.js';
import { coverFingerprint, readCover, synthesiseCover } from './index.js';

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const sample = (name: string): Buffer =>
  readFileSync(new URL(`../../../samples/covers/${name}`, import.meta.url));

/** A PNG of any colour type and depth, unfiltered, whose packed samples count up. */
function rawPng(colourType: number, bitDepth: number, extra: Buffer[] = []): Buffer {
  const channels = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[colourType] ?? 1;
  const lineBytes = Math.ceil((32 * channels * bitDepth) / 8);
  const lines = Buffer.alloc((lineBytes + 1) * 32);
  for (let i = 0; i < lines.length; i++) lines[i] = i % (lineBytes + 1) === 0 ? 0 : (i * 37) & 0xff;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(32, 0);
  header.writeUInt32BE(32, 4);
  header.set([bitDepth, colourType, 0, 0, 0], 8);
  const frame = (type: string, body: Buffer): Buffer => {
    const named = Buffer.concat([Buffer.from(type, 'latin1'), body]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(body.length, 0);
    ends.writeUInt32BE(crc32(named), 4);
    return Buffer.concat([ends.subarray(0, 4), named, ends.subarray(4)]);
  };
  const palette = Buffer.from(Array.from({ length: 3 << bitDepth }, (_, i) => (i * 91) & 0xff));
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    frame('IHDR', header),
    ...extra.map((text) => frame('tEXt', text)),
    ...(colourType === 3 ? [frame('PLTE', palette)] : []),
    frame('IDAT', deflateSync(lines)),
    frame('IEND', Buffer.alloc(0)),
  ]);
}

async function failureCode(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof StegoError ? error.code : String(error);
  }
  return 'none';
}

describe('reading covers', () => {
  const kinds: [number, number[]][] = [
    [0, [1, 2, 4, 8, 16]],
    [2, [8, 16]],
    [3, [1, 2, 4, 8]],
    [4, [8, 16]],
    [6, [8, 16]],
  ];
  for (const [colourType, depths] of kinds) {
    for (const depth of depths) {
      it(`takes PNG colour type ${colourType} with ${depth} bits`, async () => {
        const cover = await readCover(rawPng(colourType, depth));
        expect([cover.width, cover.height, cover.pixels.length]).to.deep.equal([32, 32, 3072]);
        expect(cover.source).to.include({ format: 'png', lossy: false, downsampledBy: 1 });
        // The picture is not flat: a decoder that gave up would be.
        expect(new Set(cover.pixels).size).to.be.above(1);
      });
    }
  }

  it('maps grey of every depth onto the full range, as the standard says', async () => {
    // Unfiltered first byte 37: 1 bit 00100101, 4 bits 2 and 5, 8 bits 37, 16 bits 37*256+74.
    const first = async (depth: number) => (await readCover(rawPng(0, depth))).pixels.slice(0, 9);
    expect([...(await first(1))]).to.deep.equal([0, 0, 0, 0, 0, 0, 255, 255, 255]);
    expect([...(await first(4))].slice(0, 6)).to.deep.equal([34, 34, 34, 85, 85, 85]);
    expect([...(await first(8))].slice(0, 3)).to.deep.equal([37, 37, 37]);
    expect([...(await first(16))].slice(0, 3)).to.deep.equal([37, 37, 37]);
  });

  it('reads an interlaced PNG to the same pixels', async () => {
    const plain = await readCover(sample('chelsea.png'));
    const interlaced = await sharp(sample('chelsea.png')).png({ progressive: true }).toBuffer();
    expect(parsePng(interlaced, 1e6).header.interlaced).to.equal(true);
    const cover = await readCover(interlaced);
    expect(Buffer.compare(cover.pixels, plain.pixels)).to.equal(0);
  });

  it('crops and halves lossy photos, and only those', async () => {
    const jpeg = await readCover(sample('rocket.jpg'));
    expect([jpeg.width, jpeg.height]).to.deep.equal([317, 212]);
    expect(jpeg.source).to.include({ format: 'jpeg', lossy: true, downsampledBy: 2 });
    const photo = sharp(sample('coffee.png'));
    const lossyWebp = await readCover(await photo.clone().webp({ quality: 80 }).toBuffer());
    expect([lossyWebp.width, lossyWebp.source.lossy]).to.deep.equal([297, true]);
    const losslessWebp = await readCover(await photo.clone().webp({ lossless: true }).toBuffer());
    expect([losslessWebp.width, losslessWebp.source.lossy]).to.deep.equal([600, false]);
    const lzwTiff = await readCover(await photo.clone().tiff({ compression: 'lzw' }).toBuffer());
    expect([lzwTiff.width, lzwTiff.source.lossy]).to.deep.equal([600, false]);
    const jpegTiff = await readCover(await photo.clone().tiff({ compression: 'jpeg' }).toBuffer());
    expect([jpegTiff.width, jpegTiff.source.lossy]).to.deep.equal([297, true]);
  });

  it('lets no metadata through', async () => {
    const exif = { IFD0: { Artist: 'Jane Roe', Copyright: 'secret place' } };
    const jpeg = await sharp(sample('rocket.jpg')).withExif(exif).jpeg().toBuffer();
    expect(jpeg.includes('Jane Roe')).to.equal(true);
    const fromJpeg = encodePng(await readCover(jpeg));
    const fromPng = encodePng(await readCover(rawPng(2, 8, [Buffer.from('Author\0Jane Roe')])));
    for (const file of [fromJpeg, fromPng]) {
      expect(parsePng(file, 1e6).chunkTypes).to.deep.equal(['IHDR', 'IDAT', 'IEND']);
      expect(Buffer.from(file).includes('Jane Roe')).to.equal(false);
    }
  });

  it('refuses what is no photo, or broken, or too large', async () => {
    expect(await failureCode(readCover(Buffer.from('%PDF-1.7')))).to.equal('UNSUPPORTED_IMAGE');
    expect(await failureCode(readCover(new Uint8Array(0)))).to.equal('UNSUPPORTED_IMAGE');
    const cut = sample('rocket.jpg').subarray(0, 60_000);
    expect(await failureCode(readCover(cut))).to.equal('CORRUPT_IMAGE');
    const large = readCover(sample('rocket.jpg'), { maxPixels: 1000 });
    expect(await failureCode(large)).to.equal('IMAGE_TOO_LARGE');
    const tiny = await sharp(sample('rocket.jpg')).resize(20, 20).jpeg().toBuffer();
    expect(await failureCode(readCover(tiny))).to.equal('UNSUPPORTED_IMAGE');
  });
});

describe('fingerprints', () => {
  it('know a photo again when it is re-encoded without loss', async () => {
    const original = coverFingerprint(await readCover(sample('chelsea.png')));
    const webp = await sharp(sample('chelsea.png')).webp({ lossless: true }).toBuffer();
    const again = coverFingerprint(await readCover(webp));
    expect(toHex(again.decoded)).to.equal(toHex(original.decoded));
    expect(toHex(again.pixels)).to.equal(toHex(original.pixels));
    expect(toHex(again.file)).not.to.equal(toHex(original.file));
    const other = coverFingerprint(await readCover(sample('coffee.png')));
    expect(toHex(other.decoded)).not.to.equal(toHex(original.decoded));
  });

  it('know a JPEG again when its pixels come as a PNG', async () => {
    const jpeg = coverFingerprint(await readCover(sample('rocket.jpg')));
    const asPng = await sharp(sample('rocket.jpg')).png().toBuffer();
    const png = coverFingerprint(await readCover(asPng));
    expect(toHex(png.decoded)).to.equal(toHex(jpeg.decoded));
  });
});

describe('synthetic covers', () => {
  const cover = synthesiseCover({ width: 512, height: 512, seed: Buffer.from('seed') });

  /** Local noise of the green channel: squares of second differences along diagonals, by brightness. */
  function noiseByBrightness(): { dark: number; bright: number } {
    const sums = { dark: [0, 0], bright: [0, 0] };
    for (let y = 0; y < 512; y++) {
      for (let x = 4; x < 508; x++) {
        const at = (y * 512 + x) * 3 + 1;
        const [left = 0, here = 0, right = 0] = [-12, 0, 12].map((d) => cover.pixels[at + d]);
        // In linear light, where shot noise grows with the signal.
        const light = (v: number): number => (v / 255) ** 2.2;
        const square = (light(left) - 2 * light(here) + light(right)) ** 2;
        const sum = here < 105 ? sums.dark : here > 150 ? sums.bright : undefined;
        if (sum === undefined) continue;
        sum[0] = (sum[0] ?? 0) + square;
        sum[1] = (sum[1] ?? 0) + 1;
      }
    }
    const mean = ([total = 0, count = 0]: number[]): number => total / Math.max(1, count);
    return { dark: mean(sums.dark), bright: mean(sums.bright) };
  }

  it('differ by seed, and repeat with it', () => {
    const again = synthesiseCover({ width: 512, height: 512, seed: Buffer.from('seed') });
    expect(Buffer.compare(again.pixels, cover.pixels)).to.equal(0);
    const one = synthesiseCover({ width: 64, height: 64 });
    const two = synthesiseCover({ width: 64, height: 64 });
    expect(Buffer.compare(one.pixels, two.pixels)).to.not.equal(0);
  });

  it('have noise that grows with the light', () => {
    const { dark, bright } = noiseByBrightness();
    expect(dark).to.be.above(0);
    expect(bright / dark).to.be.above(1.3);
  });

  it('look innocent to the detectors', () => {
    const { chiSquareFlags, rs, samplePairs } = analyse(cover);
    expect(chiSquareFlags).to.equal(false);
    expect(rs).to.be.below(0.06);
    expect(samplePairs).to.be.below(0.06);
  });

  it('have possible dimensions only', () => {
    expect(() => synthesiseCover({ width: 8, height: 100 })).to.throw(StegoError);
    expect(() => synthesiseCover({ width: 1e5, height: 1e5 })).to.throw(StegoError);
  });
});
