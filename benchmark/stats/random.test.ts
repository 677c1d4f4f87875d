import { expect } from 'chai';
import { ALPHA, chiSquareP } from '../testing/chi-square.js';
import { randomOf, wholeBelow, xoshiro128 } from './random.js';

const DRAWS = 400_000;

function counts(cells: number, cellOf: () => number): Uint32Array {
  const seen = new Uint32Array(cells);
  for (let draw = 0; draw < DRAWS; draw++) {
    const cell = cellOf();
    seen[cell] = (seen[cell] ?? 0) + 1;
  }
  return seen;
}

const even = (cells: number): number[] => Array.from({ length: cells }, () => 1 / cells);
const first = (next: () => number, count: number): number[] =>
  Array.from({ length: count }, () => next());

describe('repeatable randomness', () => {
  it('is xoshiro128** 1.1, by the first outputs of the authors’ program from the state 1, 2, 3, 4', () => {
    expect(first(xoshiro128([1, 2, 3, 4]), 10)).to.deep.equal([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597,
      4258142804,
    ]);
  });

  it('repeats a seed and a stream, and differs in any other', () => {
    const start = (seed: number, stream: number): string =>
      first(randomOf(seed, stream), 4).join(' ');
    expect(start(7, 3)).to.equal(start(7, 3));
    expect(randomOf(7)()).to.equal(randomOf(7, 0)());
    const starts = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      for (let stream = 0; stream < 60; stream++) starts.add(start(seed, stream));
    }
    expect(starts.size).to.equal(3600);
  });

  it('is uniform: high bits, low bits, and pairs that follow each other', () => {
    const random = randomOf(1);
    expect(
      chiSquareP(
        counts(1000, () => wholeBelow(random, 1000)),
        even(1000),
      ),
    ).above(ALPHA);
    const low = (): number => (random() * 2 ** 32) % 256;
    expect(chiSquareP(counts(256, low), even(256))).above(ALPHA);
    const pair = (): number => wholeBelow(random, 32) * 32 + wholeBelow(random, 32);
    expect(chiSquareP(counts(1024, pair), even(1024))).above(ALPHA);
  });

  it('has streams that know nothing of each other', () => {
    for (const seed of [0, 1, 0xffffffff]) {
      const [a, b] = [randomOf(seed, 0), randomOf(seed, 1)];
      const pair = (): number => wholeBelow(a, 32) * 32 + wholeBelow(b, 32);
      expect(chiSquareP(counts(1024, pair), even(1024))).above(ALPHA);
      // The first number of each stream is as good as the numbers of one.
      let stream = 0;
      const opening = (): number => wholeBelow(randomOf(seed, stream++), 64);
      expect(chiSquareP(counts(64, opening), even(64))).above(ALPHA);
    }
  });

  it('would be rejected if it were the least bit skewed', () => {
    const random = randomOf(1);
    const skewed = (): number => wholeBelow(() => random() ** 1.05, 1000);
    expect(chiSquareP(counts(1000, skewed), even(1000))).below(ALPHA);
  });
});
