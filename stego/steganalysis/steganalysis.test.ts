// The detectors on real photos: silent on covers and on our images, loud on sequential replacement.
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  hidePixels,
  capacityBytes,
  paperCapacityBytes,
  paperHidePixels,
} from '../container/index.js';
import { readCover } from '../cover/index.js';
import { StegoError } from '../errors.js';
import { keystreamBytes } from '../cipher/index.js';
import { chiSquareUpperTail } from './gamma.js';
import { analyse, changeRate, psnr, ssim } from './index.js';

const PHOTOS = ['chelsea.png', 'coffee.png', 'retina.jpg', 'rocket.jpg'];
const read = (name: string) =>
  readCover(readFileSync(new URL(`../../../samples/covers/${name}`, import.meta.url)));
const keyFor = (name: string) => createHash('sha256').update(name).digest();

describe('the detectors', () => {
  for (const name of PHOTOS) {
    it(`${name}: silent at the default rate, loud at the paper's`, async () => {
      const cover = await read(name);
      const dataKey = keyFor(name);
      const payload = keystreamBytes(dataKey, 0, capacityBytes(cover));
      const { images } = hidePixels({ payload, dataKey, covers: [cover] });
      const [stego] = images;
      if (stego === undefined) throw new Error('one image expected');
      expect(analyse(cover).chiSquareFlags).to.equal(false);
      expect(analyse(stego).chiSquareFlags).to.equal(false);

      const full = keystreamBytes(dataKey, 1, paperCapacityBytes(cover));
      const key = dataKey.subarray(0, 16);
      const paper = analyse(
        paperHidePixels({ payload: full, key, cover, iv: dataKey.subarray(16) }),
      );
      expect(paper.chiSquareFlags).to.equal(true);
      const [red] = paper.channels;
      expect(red?.samplePairs).to.be.above(0.8);
      expect(red?.chiSquare.probability).to.be.above(0.99);
    });
  }

  it('estimate a partial rate', async () => {
    const cover = await read('coffee.png');
    const key = keyFor('partial').subarray(0, 16);
    const payload = keystreamBytes(keyFor('x'), 0, Math.floor(paperCapacityBytes(cover) * 0.3));
    const { channels } = analyse(paperHidePixels({ payload, key, cover, iv: Buffer.alloc(16, 1) }));
    const [red, green] = channels;
    expect(red?.rs).to.be.within(0.2, 0.45);
    expect(red?.samplePairs).to.be.within(0.2, 0.45);
    expect(red?.chiSquare.embeddedFraction).to.be.within(0.25, 0.4);
    expect(green?.samplePairs).to.be.below(0.05);
  });

  it('use the right chi-square distribution', () => {
    // Published critical values: 5 % at 1, 10 and 100 degrees of freedom.
    expect(chiSquareUpperTail(3.841459, 1)).to.be.closeTo(0.05, 1e-6);
    expect(chiSquareUpperTail(18.307038, 10)).to.be.closeTo(0.05, 1e-6);
    expect(chiSquareUpperTail(124.342113, 100)).to.be.closeTo(0.05, 1e-6);
    expect(chiSquareUpperTail(3.940299, 10)).to.be.closeTo(0.95, 1e-6);
    expect(chiSquareUpperTail(0, 5)).to.equal(1);
  });
});

describe('quality', () => {
  const flat = (value: number) => ({
    width: 16,
    height: 16,
    pixels: new Uint8Array(768).fill(value),
  });

  it('is perfect for identical images and known for known ones', () => {
    expect(psnr(flat(9), flat(9))).to.equal(Infinity);
    expect(ssim(flat(9), flat(9))).to.equal(1);
    // One step everywhere: 10 log10(255²).
    expect(psnr(flat(9), flat(10))).to.be.closeTo(48.1308, 1e-4);
    // Two flat images: only the luminance term of SSIM is left.
    const c1 = (0.01 * 255) ** 2;
    expect(ssim(flat(100), flat(50))).to.be.closeTo((10_000 + c1) / (12_500 + c1), 1e-6);
    expect(changeRate(flat(1), flat(2))).to.equal(1);
  });

  it('of a stego image is what ±1 at half the rate gives', async () => {
    const cover = await read('coffee.png');
    const dataKey = keyFor('quality');
    const payload = new Uint8Array(capacityBytes(cover));
    const [stego] = hidePixels({ payload, dataKey, covers: [cover] }).images;
    if (stego === undefined) throw new Error('one image expected');
    expect(changeRate(cover, stego)).to.be.closeTo(0.1, 0.003);
    expect(psnr(cover, stego)).to.be.closeTo(58.13, 0.15);
    expect(ssim(cover, stego)).to.be.above(0.999);
    expect(() => psnr(cover, flat(1))).to.throw(StegoError);
  });
});
