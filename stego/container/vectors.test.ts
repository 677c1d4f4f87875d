// The vectors of docs/stego-format.md: key, cover and report in, pixels out, to the last bit.
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { deriveSignKey, derivePartKeys, isSuite, sealReport } from '../cipher/index.js';
import { encodePng } from '../png/index.js';
import { hidePixels, reveal } from './index.js';

interface Vector {
  name: string;
  suite: string;
  dataKey: string;
  report: string;
  maxRate: number;
  covers: { width: number; height: number; salt: number }[];
  partOne: { position: string; whitening: string; sign: string; ciphertext: string };
  images: { pixels: string }[];
}

function isVector(value: unknown): value is Vector {
  return typeof value === 'object' && value !== null && 'partOne' in value && 'images' in value;
}

function vectors(): Vector[] {
  const file = new URL('../../vectors/format.json', import.meta.url);
  const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return Array.isArray(parsed) ? parsed.filter(isVector) : [];
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function cover({ width, height, salt }: Vector['covers'][number]) {
  const pixels = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => (i * i + salt * i + Math.floor(i / 7)) % 256,
  );
  return { width, height, pixels };
}

describe('the format vectors', () => {
  it('are three', () => expect(vectors().length).to.equal(3));

  for (const vector of vectors()) {
    it(vector.name, async () => {
      const { suite, maxRate, partOne } = vector;
      if (!isSuite(suite)) throw new Error('unknown suite');
      const dataKey = hex(vector.dataKey);
      const payload = hex(vector.report);
      const keys = derivePartKeys(dataKey, suite, 1);
      expect(toHex(keys.position)).to.equal(partOne.position);
      expect(toHex(keys.whitening)).to.equal(partOne.whitening);
      expect(toHex(deriveSignKey(dataKey, suite, 1))).to.equal(partOne.sign);
      expect(toHex(sealReport(dataKey, suite, payload))).to.equal(partOne.ciphertext);
      const covers = vector.covers.map(cover);
      const { images } = hidePixels({ payload, dataKey, suite, covers, maxRate });
      const expected = vector.images.map(({ pixels }) => pixels);
      expect(images.map(({ pixels }) => toHex(pixels))).to.deep.equal(expected);
      const files = images.map((image) => encodePng(image)).reverse();
      expect(toHex(await reveal({ images: files, dataKey, suite }))).to.equal(vector.report);
    });
  }
});
