import { expect } from 'chai';
import { ALPHA, chiSquareP } from '../testing/chi-square.js';
import {
  type Chooser,
  Latest,
  Mix,
  ScrambledZipfian,
  THETA,
  Uniform,
  zeta,
  Zipfian,
} from './distributions.js';
import { hashModulo, hashOf, hashText } from './fnv.js';
import { randomOf } from './random.js';

const DRAWS = 500_000;
const ITEMS = 1000;

function counts(chooser: Chooser, items: number): Uint32Array {
  const seen = new Uint32Array(items);
  for (let draw = 0; draw < DRAWS; draw++) {
    const item = chooser.next();
    seen[item] = (seen[item] ?? 0) + 1;
  }
  return seen;
}

/** Zipf's law itself. */
function zipfLaw(items: number, theta: number): number[] {
  const sum = zeta(items, theta);
  return Array.from({ length: items }, (_, at) => (at + 1) ** -theta / sum);
}

/** What Gray's formula gives each item: how much of [0, 1) is mapped to it. The curve, turned round. */
function grayLaw(items: number, theta: number): number[] {
  const sum = zeta(items, theta);
  const [one, two] = [1 / sum, zeta(2, theta) / sum];
  const eta = (1 - (2 / items) ** (1 - theta)) / (1 - two);
  const upTo = (item: number): number => ((item / items) ** (1 - theta) - 1 + eta) / eta;
  return Array.from({ length: items }, (_, at) => {
    if (at === 0) return one;
    return at === 1 ? two - one : upTo(at + 1) - upTo(at);
  });
}

/** The hash as its definition reads, in whole numbers of any size. */
function hashByDefinition(value: number): bigint {
  let hash = 0xcbf29ce484222325n;
  let rest = BigInt(value);
  for (let octet = 0; octet < 8; octet++) {
    hash = BigInt.asUintN(64, (hash ^ (rest & 0xffn)) * 0x100000001b3n);
    rest >>= 8n;
  }
  const signed = BigInt.asIntN(64, hash);
  return signed < 0n ? -signed : signed;
}

describe('distributions', () => {
  it('uniform', () => {
    const even = Array.from({ length: ITEMS }, () => 1 / ITEMS);
    expect(chiSquareP(counts(new Uniform(randomOf(1), ITEMS), ITEMS), even)).above(ALPHA);
    expect(chiSquareP(counts(new Uniform(randomOf(1), ITEMS - 1), ITEMS), even)).below(ALPHA);
  });

  it('zipfian 0.99 is what Gray’s formula says, and nothing else', () => {
    const seen = counts(new Zipfian(randomOf(2), ITEMS), ITEMS);
    expect(chiSquareP(seen, grayLaw(ITEMS, THETA))).above(ALPHA);
    expect(chiSquareP(seen, grayLaw(ITEMS, 0.9))).below(ALPHA);
    expect(chiSquareP(seen, grayLaw(ITEMS + 50, THETA))).below(ALPHA);
  });

  it('zipfian 0.99 is Zipf’s law for the two most popular, and within two hundredths of it for every set of the most popular', () => {
    const [law, formula] = [zipfLaw(ITEMS, THETA), grayLaw(ITEMS, THETA)];
    expect(formula.slice(0, 2)).to.deep.equal([
      law[0],
      (law[0] ?? 0) + (law[1] ?? 0) - (law[0] ?? 0),
    ]);
    let [byLaw, byFormula, furthest] = [0, 0, 0];
    for (let at = 0; at < ITEMS; at++) {
      byLaw += law[at] ?? 0;
      byFormula += formula[at] ?? 0;
      furthest = Math.max(furthest, Math.abs(byLaw - byFormula));
    }
    expect(byFormula).to.be.closeTo(1, 1e-9);
    expect(furthest).below(0.02);
  });

  it('zipfian that grew is the one that began so', () => {
    const grown = new Zipfian(randomOf(3), 10);
    for (const items of [11, 200, ITEMS]) grown.grow(items);
    const whole = new Zipfian(randomOf(3), ITEMS);
    for (let draw = 0; draw < 1000; draw++) expect(grown.next()).to.equal(whole.next());
    const seen = counts(grown, ITEMS);
    expect(chiSquareP(seen, grayLaw(ITEMS, THETA))).above(ALPHA);
  });

  it('zipfian of one and of two items', () => {
    expect(new Set(counts(new Zipfian(randomOf(4), 1), 1))).to.deep.equal(new Set([DRAWS]));
    const seen = counts(new Zipfian(randomOf(4), 2), 2);
    expect(chiSquareP(seen, zipfLaw(2, THETA))).above(ALPHA);
  });

  it('scrambled zipfian: each item has what the ranks that are hashed to it have', () => {
    const ranks = 20_000;
    const random = randomOf(5);
    const chooser = new ScrambledZipfian(random, ITEMS, new Zipfian(random, ranks));
    const expected = new Float64Array(ITEMS);
    grayLaw(ranks, THETA).forEach((probability, rank) => {
      const item = Number(hashByDefinition(rank) % BigInt(ITEMS));
      expected[item] = (expected[item] ?? 0) + probability;
    });
    const seen = counts(chooser, ITEMS);
    expect(chiSquareP(seen, expected)).above(ALPHA);
    expect(chiSquareP(seen, expected.toReversed())).below(ALPHA);
  });

  it('scrambled zipfian of YCSB: the most popular of ten thousand million ranks has 1/26.47, the rest is scattered', () => {
    const seen = counts(new ScrambledZipfian(randomOf(6), ITEMS), ITEMS);
    const hottest = Number(hashByDefinition(0) % BigInt(ITEMS));
    expect(seen.indexOf(Math.max(...seen))).to.equal(hottest);
    // The first ranks one by one; those behind them are as good as even over the items.
    const known = 100_000;
    const sum = 26.46902820178302;
    const theory = new Float64Array(ITEMS).fill((1 - zeta(known, THETA) / sum) / ITEMS);
    for (let rank = 0; rank < known; rank++) {
      const item = hashModulo(hashOf(rank), ITEMS);
      theory[item] = (theory[item] ?? 0) + (rank + 1) ** -THETA / sum;
    }
    // The formula is not quite Zipf's law: compared with a tolerance, where the test of the formula is exact.
    seen.forEach((count, item) => {
      const expected = (theory[item] ?? 0) * DRAWS;
      expect(count).to.be.closeTo(expected, 6 * Math.sqrt(expected) + 0.1 * expected);
    });
  });

  it('latest: the newest is the most popular, also once there are more', () => {
    let items = 50;
    const latest = new Latest(randomOf(7), () => items);
    for (let draw = 0; draw < 1000; draw++) expect(latest.next()).within(0, 49);
    items = ITEMS;
    const seen = counts(latest, ITEMS);
    expect(chiSquareP(seen, grayLaw(ITEMS, THETA).toReversed())).above(ALPHA);
    expect(chiSquareP(seen, grayLaw(ITEMS, THETA))).below(ALPHA);
  });

  it('mix: as the weights say, whatever they add up to', () => {
    const kinds = ['a', 'b', 'c', 'd'] as const;
    const mix = new Mix(randomOf(8), [
      ['a', 15],
      ['b', 25],
      ['c', 0],
      ['d', 60],
    ]);
    const chooser = { next: () => kinds.indexOf(mix.next()) };
    const seen = counts(chooser, 4);
    expect(chiSquareP(seen, [0.15, 0.25, 0, 0.6])).above(ALPHA);
    expect(chiSquareP(seen, [0.16, 0.24, 0, 0.6])).below(ALPHA);
    expect(() => new Mix(randomOf(8), [['a', 0]])).to.throw(RangeError);
  });
});

describe('FNV-1a of 64 bits', () => {
  it('is the hash by its definition, its sign dropped', () => {
    const values = [0, 1, 255, 256, 99_999, 2 ** 32 - 1, 2 ** 32, 9_999_999_999, 2 ** 53 - 1];
    const random = randomOf(9);
    for (let more = 0; more < 2000; more++) values.push(Math.floor(random() * 2 ** 40));
    for (const value of values) {
      const expected = hashByDefinition(value);
      expect(hashText(hashOf(value))).to.equal(expected.toString());
      for (const divisor of [1, 7, 1000, 100_000, 2 ** 36 + 1]) {
        expect(hashModulo(hashOf(value), divisor)).to.equal(Number(expected % BigInt(divisor)));
      }
    }
  });

  it('spreads numbers that follow each other evenly over the order of keys', () => {
    const cells = 200;
    const seen = new Uint32Array(cells);
    for (let value = 0; value < 100_000; value++) {
      const cell = Math.floor((hashOf(value).high / 2 ** 31) * cells);
      seen[cell] = (seen[cell] ?? 0) + 1;
    }
    const even = Array.from({ length: cells }, () => 1 / cells);
    expect(chiSquareP(seen, even)).above(ALPHA);
  });
});
