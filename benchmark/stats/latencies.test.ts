import { expect } from 'chai';
import fc from 'fast-check';
import { Latencies } from './latencies.js';
import { randomOf, type Random } from './random.js';

const QUANTILES = [0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1];
/** Of a value as it was recorded, rounded to a microsecond. */
const PRECISION = 0.001;
const MICROSECOND = 0.001;

const of = (values: readonly number[], digits?: 2 | 3): Latencies => {
  const latencies = new Latencies(digits);
  for (const value of values) latencies.record(value);
  return latencies;
};

/** The smallest of sorted values that at least `q` of all don't exceed; exact: q is in ten thousandths. */
function bruteForce(sorted: readonly number[], q: number): number | undefined {
  const tenThousandths = BigInt(Math.round(q * 10_000));
  const rank = Number((tenThousandths * BigInt(sorted.length) + 9999n) / 10_000n);
  return sorted[Math.max(0, rank - 1)];
}

function expectClose(found: number | 'over' | null, true_: number | undefined): void {
  if (typeof found !== 'number' || true_ === undefined) throw new Error(`${found}, not ${true_}`);
  expect(found).to.be.closeTo(true_, true_ * PRECISION + 0.5001 * MICROSECOND);
}

const SHAPES: Readonly<Record<string, (random: Random) => number>> = {
  uniform: (random) => random() * 250,
  exponential: (random) => -20 * Math.log1p(-random()),
  'log-normal, long tail': (random) =>
    Math.exp(3 * Math.sqrt(-2 * Math.log1p(-random())) * Math.cos(2 * Math.PI * random())),
  'two humps': (random) => (random() < 0.97 ? 1 + random() : 30_000 + random()),
  'sub-microsecond': (random) => random() * 0.002,
  'hours and days': (random) => 3_600_000 * (0.5 + 100 * random()),
  'all the same': () => 12.345,
  zero: () => 0,
};

describe('latencies', () => {
  for (const [name, draw] of Object.entries(SHAPES)) {
    it(`percentiles are those of a sorted list, within a thousandth: ${name}`, () => {
      for (const count of [1, 2, 3, 10, 99, 1000, 30_000]) {
        const random = randomOf(count);
        const values = Array.from({ length: count }, () => draw(random));
        const latencies = of(values);
        values.sort((a, b) => a - b);
        for (const q of QUANTILES) expectClose(latencies.quantileMs(q), bruteForce(values, q));
        expect(latencies.count).to.equal(count);
        const mean = values.reduce((sum, value) => sum + value, 0) / count;
        expect(latencies.meanMs).to.be.closeTo(mean, mean * 1e-12);
      }
    });
  }

  it('percentiles are those of a sorted list in which what never ended is the greatest, whatever the values', () => {
    const values = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { maxLength: 300 });
    fc.assert(
      fc.property(values, fc.nat(50), (ended, over) => {
        const latencies = of(ended);
        latencies.recordOver(over);
        expect(latencies.count).to.equal(ended.length + over);
        expect(latencies.ended).to.equal(ended.length);
        const never = Array.from({ length: over }, () => Infinity);
        const sorted = [...ended, ...never].sort((a, b) => a - b);
        for (const q of QUANTILES) {
          const expected = bruteForce(sorted, q);
          const found = latencies.quantileMs(q);
          if (expected === undefined) expect(found).to.equal(null);
          else if (expected === Infinity) expect(found).to.equal('over');
          else expectClose(found, expected);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('takes the right neighbour where a product is a little more than the whole number that it stands for', () => {
    // Values up to 2 ms are kept to the microsecond, so that each rank shows.
    for (const q of [0.07, 0.14, 0.28, 0.55, 0.56, 0.57, 0.999]) {
      for (const count of [100, 700, 1000, 2000]) {
        const latencies = of(Array.from({ length: count }, (_, at) => (at + 1) / 1000));
        const rank = Number((BigInt(Math.round(q * 1000)) * BigInt(count) + 999n) / 1000n);
        expect(latencies.quantileMs(q)).to.equal(rank / 1000);
      }
    }
  });

  it('added up are as recorded in one, never averaged', () => {
    const parts = fc.array(
      fc.tuple(
        fc.array(fc.double({ min: 0, max: 1e8, noNaN: true }), { maxLength: 100 }),
        fc.nat(5),
      ),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(parts, (generators) => {
        const one = of(generators.flatMap(([values]) => values));
        one.recordOver(generators.reduce((sum, [, over]) => sum + over, 0));
        const sum = new Latencies();
        for (const [values, over] of generators) {
          const part = of(values);
          part.recordOver(over);
          sum.add(Latencies.decode(part.encode()));
        }
        for (const q of QUANTILES) expect(sum.quantileMs(q)).to.equal(one.quantileMs(q));
        expect(sum.count).to.equal(one.count);
        expect(sum.meanMs ?? -1).to.be.closeTo(one.meanMs ?? -1, 1e-12 * (one.meanMs ?? 0));
      }),
      { numRuns: 200 },
    );
    // The p50 of a fast and a slow generator is neither's p50, and not what lies between them.
    const [fast, slow] = [of(new Array<number>(900).fill(1)), of(new Array<number>(300).fill(100))];
    fast.add(slow);
    expect(fast.quantileMs(0.5)).to.equal(1);
  });

  it('with fewer digits are added to those with more', () => {
    const rough = of([1, 10, 100, 5000], 2);
    const fine = of([2]);
    fine.add(rough);
    expect(fine.count).to.equal(5);
    expect(fine.quantileMs(1)).to.be.closeTo(5000, 50);
  });

  it('come back from their encoding as they were, and go on', () => {
    const random = randomOf(4);
    const values = Array.from({ length: 5000 }, () => Math.exp(18 * random()) / 1000);
    const latencies = of(values);
    latencies.recordOver(7);
    const encoded = latencies.encode();
    const again = Latencies.decode(encoded);
    expect(again.encode()).to.deep.equal(encoded);
    expect(again.percentiles(30_000)).to.deep.equal(latencies.percentiles(30_000));
    // Beyond all that it was made for.
    for (const each of [again, latencies]) each.record(1e9);
    expect(again.percentiles(30_000)).to.deep.equal(latencies.percentiles(30_000));
    expectClose(again.quantileMs(5001 / 5008), 1e9);
    expect(Latencies.decode(new Latencies().encode()).count).to.equal(0);
  });

  it('a percentile is shown only with a hundred values beyond it', () => {
    const shown = (count: number): string[] =>
      Object.entries(of(new Array<number>(count).fill(1)).percentiles(30_000))
        .filter(([name, value]) => /^p/.test(name) && value !== null)
        .map(([name]) => name);
    expect(shown(199)).to.deep.equal([]);
    expect(shown(200)).to.deep.equal(['p50']);
    expect(shown(999)).to.deep.equal(['p50']);
    expect(shown(1000)).to.deep.equal(['p50', 'p90']);
    expect(shown(9999)).to.deep.equal(['p50', 'p90']);
    expect(shown(10_000)).to.deep.equal(['p50', 'p90', 'p99']);
    expect(shown(99_999)).to.deep.equal(['p50', 'p90', 'p99']);
    expect(shown(100_000)).to.deep.equal(['p50', 'p90', 'p99', 'p999']);
  });

  it('what never ended pushes itself into the percentiles that it reaches', () => {
    const latencies = of(new Array<number>(9900).fill(2));
    latencies.recordOver(100);
    const half = { mean: 2, p50: 2, p90: 2, p999: null, max: 30_000 };
    expect(latencies.percentiles(30_000)).to.deep.equal({
      ...half,
      count: 10_000,
      p99: 2,
      over: ['max'],
    });
    latencies.recordOver();
    expect(latencies.percentiles(30_000)).to.deep.equal({
      ...half,
      count: 10_001,
      p99: 30_000,
      over: ['p99', 'max'],
    });
  });

  it('nothing, and nothing that ended', () => {
    const nothing = new Latencies();
    const none = { count: 0, mean: null, p50: null, p90: null, p99: null, p999: null };
    expect(nothing.percentiles(30_000)).to.deep.equal({ ...none, max: null, over: [] });
    nothing.recordOver(300);
    expect(nothing.percentiles(30_000)).to.deep.equal({
      ...none,
      ...{ count: 300, p50: 30_000, max: 30_000, over: ['p50', 'max'] },
    });
  });

  it('below zero is zero; what is no number is refused, and leaves nothing behind', () => {
    const latencies = of([-3, 1]);
    expect(latencies.meanMs).to.equal(0.5);
    expect(latencies.quantileMs(0)).to.equal(0);
    for (const none of [NaN, Infinity, -Infinity]) {
      expect(() => {
        latencies.record(none);
      }).to.throw(RangeError);
    }
    expect(latencies.count).to.equal(2);
    expect(latencies.meanMs).to.equal(0.5);
  });
});
