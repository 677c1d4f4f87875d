// The pool: same answers and errors as the direct calls, a bounded queue, and an event loop left free.
import { expect } from 'chai';
import { derivePartKeys, openCiphertext } from '../cipher/index.js';
import { synthesiseCover } from '../cover/index.js';
import { StegoError } from '../errors.js';
import { encodePng } from '../png/index.js';
import { StegoPool } from './index.js';

const dataKey = Buffer.alloc(32, 0x31);
const cover = synthesiseCover({ width: 200, height: 200, seed: Uint8Array.of(1) });

async function failureCode(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof StegoError ? error.code : String(error);
  }
  return 'none';
}

describe('the worker pool', () => {
  let pool: StegoPool;
  beforeEach(() => (pool = new StegoPool({ threads: 1, maxQueue: 2 })));
  afterEach(() => pool.destroy());

  it('hides, extracts and reveals', async () => {
    const payload = Buffer.from('report');
    const { images, figures } = await pool.hide({ payload, dataKey, covers: [cover] });
    expect(figures.usedCovers).to.deep.equal([0]);
    expect(Buffer.from(await pool.reveal({ images, dataKey })).toString()).to.equal('report');
    const keys = [derivePartKeys(dataKey, 'A256GCM', 1)];
    const ciphertext = await pool.extractCiphertext(images, keys);
    expect(Buffer.from(openCiphertext(dataKey, 'A256GCM', ciphertext)).toString()).to.equal(
      'report',
    );
    const made = await pool.synthesiseCover({ width: 32, height: 32, seed: Uint8Array.of(2) });
    const read = await pool.readCover(encodePng(made));
    expect(Buffer.compare(read.pixels, made.pixels)).to.equal(0);
    expect((await pool.analyse(cover)).channels.length).to.equal(3);
  });

  it('keeps the class, code and ids of errors', async () => {
    const wrong = pool.reveal({ images: [encodePng(cover)], dataKey });
    expect(await failureCode(wrong)).to.equal('NOTHING_FOUND');
    try {
      await pool.readCover(Buffer.from('no image'));
      expect.fail('must be refused');
    } catch (error) {
      expect(error).to.be.instanceOf(StegoError).and.to.include({ code: 'UNSUPPORTED_IMAGE' });
    }
  });

  it('refuses work beyond its queue, and takes work again later', async () => {
    const request = { width: 64, height: 64 };
    const accepted = [1, 2, 3].map(() => pool.synthesiseCover(request));
    expect(await failureCode(pool.synthesiseCover(request))).to.equal('POOL_FULL');
    await Promise.all(accepted);
    expect((await pool.synthesiseCover(request)).width).to.equal(64);
  });

  it('leaves the event loop free', async () => {
    const work = pool.synthesiseCover({ width: 900, height: 900 });
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 5);
    await work;
    clearInterval(timer);
    expect(ticks).to.be.above(5);
  });

  it('fails what waits when it is closed, and everything after', async () => {
    const codes = [1, 2].map(() => failureCode(pool.synthesiseCover({ width: 900, height: 900 })));
    await pool.destroy();
    expect(await Promise.all(codes)).to.deep.equal(['POOL_CLOSED', 'POOL_CLOSED']);
    expect(await failureCode(pool.analyse(cover))).to.equal('POOL_CLOSED');
    expect(() => new StegoPool({ threads: 0 })).to.throw(StegoError);
  });
});
