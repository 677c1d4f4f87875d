// Ten thousand damaged stego images (mutations.child.ts), and every single changed bit.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { synthesiseCover } from '../cover/index.js';
import { StegoError } from '../errors.js';
import { encodePng } from '../png/index.js';
import type { RgbImage } from '../png/index.js';
import { hidePixels, reveal } from './index.js';

const dataKey = Buffer.alloc(32, 0x17);
const payload = Buffer.from('a report that must never change '.repeat(3));

function stegoPixels(width: number, height: number): RgbImage {
  const cover = synthesiseCover({ width, height, seed: Uint8Array.of(width & 0xff) });
  const { images } = hidePixels({ payload, dataKey, covers: [cover] });
  const [image] = images;
  if (image === undefined) throw new Error('one image expected');
  return image;
}

/** Whether the report comes back whole; anything but that or a typed error fails the test. */
async function opens(image: Uint8Array): Promise<boolean> {
  try {
    const report = await reveal({ images: [image], dataKey });
    expect(Buffer.compare(report, payload)).to.equal(0);
    return true;
  } catch (error) {
    if (error instanceof StegoError) return false;
    throw error;
  }
}

interface Outcome {
  readonly identical: number;
  readonly codes: Readonly<Record<string, number>>;
  readonly growthBytes: number;
}

describe('damaged stego images', function () {
  this.timeout(120_000);

  it('10,000 of them: the identical report or a typed error, every layer, within 256 MiB', async () => {
    const child = fileURLToPath(new URL('mutations.child.js', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', child]);
    const { identical, codes, growthBytes } = JSON.parse(stdout) as Outcome;
    const total = Object.values(codes).reduce((sum, n) => sum + n, identical);
    expect(total).to.equal(10_000);
    expect(Object.keys(codes)).to.include.members([
      'CORRUPT_IMAGE',
      'UNSUPPORTED_IMAGE',
      'NOTHING_FOUND',
      'AUTHENTICATION_FAILED',
    ]);
    expect(growthBytes).to.be.below(256 * 1024 * 1024);
  });

  it('every single changed bit in a carried sample is noticed or harmless', async () => {
    const image = stegoPixels(64, 48);
    let noticed = 0;
    for (let i = 0; i < 1000; i++) {
      const pixels = Uint8Array.from(image.pixels);
      pixels[i * 9] = (pixels[i * 9] ?? 0) ^ 1;
      if (!(await opens(encodePng({ ...image, pixels })))) noticed += 1;
    }
    // 1,024 of 9,216 samples carry a bit.
    expect(noticed).to.be.within(70, 150);
  });
});
