// The walk: every position at most once, an equal share for every block, and ±1 steps only.
import { expect } from 'chai';
import fc from 'fast-check';
import {
  HEADER_BITS,
  Walk,
  bodyCapacityBits,
  embedBits,
  extractBody,
  extractHeader,
} from './index.js';

function positionsOf(walk: Walk, bitCount: number): { header: number[]; body: number[] } {
  const header: number[] = [];
  const body: number[] = [];
  walk.header((positions, count) => header.push(...positions.subarray(0, count)));
  walk.body(bitCount, (positions, count) => body.push(...positions.subarray(0, count)));
  return { header, body };
}

describe('the keyed walk', () => {
  it('visits no sample twice, up to full capacity', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.integer({ min: 200, max: 20_000 }),
        fc.nat(1000).map((n) => n / 1000),
        (key, sampleCount, share) => {
          const bitCount = Math.floor(bodyCapacityBits(sampleCount) * share);
          const { header, body } = positionsOf(new Walk(key, sampleCount), bitCount);
          expect(header.length).to.equal(HEADER_BITS);
          expect(body.length).to.equal(bitCount);
          const all = new Set([...header, ...body]);
          expect(all.size).to.equal(HEADER_BITS + bitCount);
          for (const position of all) expect(position).to.be.within(0, sampleCount - 1);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('spreads any payload evenly over the whole image', () => {
    const sampleCount = 300 * 4096;
    const { body } = positionsOf(new Walk(Buffer.alloc(32, 5), sampleCount), 100_000);
    const shares = new Uint32Array(300);
    for (const position of body) {
      const block = Math.floor(position / 4096);
      shares[block] = (shares[block] ?? 0) + 1;
    }
    expect(Math.min(...shares)).to.equal(333);
    expect(Math.max(...shares)).to.equal(334);
    // Within blocks, too: each of 16 slices expects 6250 ± a few standard deviations (about 77).
    const slices = new Uint32Array(16);
    for (const position of body) {
      const slice = (position % 4096) >> 8;
      slices[slice] = (slices[slice] ?? 0) + 1;
    }
    for (const count of slices) expect(count).to.be.within(5865, 6635);
  });

  it('goes elsewhere under another key', () => {
    const one = positionsOf(new Walk(Buffer.alloc(32, 1), 50_000), 1000).body;
    const other = new Set(positionsOf(new Walk(Buffer.alloc(32, 2), 50_000), 1000).body);
    expect(one.filter((position) => other.has(position)).length).to.be.below(80);
  });
});

describe('±1 matching', () => {
  it('changes a sample by at most one, never wraps, and reads back', () => {
    const samples = Uint8Array.from({ length: 9000 }, (_, i) =>
      i % 3 === 0 ? 0 : i % 3 === 1 ? 255 : i,
    );
    const walk = new Walk(Buffer.alloc(32, 4), samples.length);
    const header = Uint8Array.from({ length: 16 }, (_, i) => i * 17);
    const body = Uint8Array.from({ length: 1000 }, (_, i) => (i * 89) & 0xff);
    const signs = Uint8Array.from({ length: 1016 }, (_, i) => (i * 151) & 0xff);
    const changed = Uint8Array.from(samples);
    embedBits(changed, walk, { header, body, signs });
    let ups = 0;
    let downs = 0;
    changed.forEach((value, i) => {
      const step = value - (samples[i] ?? 0);
      expect(Math.abs(step)).to.be.below(2);
      if (step === 1) ups += 1;
      if (step === -1) downs += 1;
    });
    expect(ups).to.be.above(1000);
    expect(downs).to.be.above(1000);
    expect(extractHeader(changed, walk)).to.deep.equal(header);
    expect(extractBody(changed, walk, 1000)).to.deep.equal(body);
  });
});
