import { expect } from 'chai';
import { medianInterval } from './interval.js';
import { randomOf } from './random.js';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

describe('a median with its interval', () => {
  it('takes the order statistics that the binomial distribution allows, derived by hand', () => {
    // 1 − 2 Σ C(n, i) / 2ⁿ, i from 0 to one less than the lower rank.
    const table = [
      // n, lower rank, upper rank, 1 − confidence
      [6, 1, 6, 2 / 64],
      [7, 1, 7, 2 / 128],
      [8, 1, 8, 2 / 256],
      [9, 2, 8, (2 * (1 + 9)) / 512],
      [10, 2, 9, (2 * (1 + 10)) / 1024],
      [12, 3, 10, (2 * (1 + 12 + 66)) / 4096],
      [15, 4, 12, (2 * (1 + 15 + 105 + 455)) / 32_768],
      [20, 6, 15, (2 * (1 + 20 + 190 + 1140 + 4845 + 15_504)) / 1_048_576],
    ] as const;
    for (const [count, low, high, missed] of table) {
      const interval = medianInterval(upTo(count).reverse());
      expect(interval).to.include({ low, high, median: (count + 1) / 2, count, tooFew: false });
      expect(interval.confidence).to.be.closeTo(1 - missed, 1e-15);
    }
    expect(medianInterval(upTo(10), 0.99)).to.include({ low: 1, high: 10, tooFew: false });
    expect(medianInterval(upTo(10), 0.5)).to.include({ low: 4, high: 7 });
  });

  it('says when there are too few values, and what they reach', () => {
    expect(medianInterval([7])).to.deep.equal({
      ...{ median: 7, low: 7, high: 7, confidence: 0, tooFew: true, count: 1 },
    });
    expect(medianInterval([3, 1])).to.include({ median: 2, low: 1, high: 3, confidence: 0.5 });
    const five = medianInterval([5, 1, 4, 2, 3]);
    expect(five).to.include({ low: 1, high: 5, confidence: 0.9375, tooFew: true });
    expect(medianInterval([5, 1, 4, 2, 3], 0.9).tooFew).to.equal(false);
  });

  it('does not mind ties, infinity or many values; refuses what is none', () => {
    expect(medianInterval([2, 2, 2, 2, 2, 2])).to.include({ median: 2, low: 2, high: 2 });
    const endless = medianInterval([1, 2, Infinity, Infinity, Infinity, Infinity]);
    expect(endless).to.include({ median: Infinity, low: 1, high: Infinity });
    const many = medianInterval(upTo(5000));
    expect(many.confidence).within(0.95, 0.953);
    // Normal approximation: 2500 ∓ 1.96 · √5000 / 2.
    expect(many.low).within(2430, 2432);
    expect(many.high).within(2569, 2571);
    expect(() => medianInterval([])).to.throw(RangeError);
    expect(() => medianInterval([1, NaN])).to.throw(RangeError);
    expect(() => medianInterval([1], 1)).to.throw(RangeError);
  });

  it('holds the true median as often as it says: skewed values, fixed seed', () => {
    const random = randomOf(11);
    const trials = 20_000;
    for (const count of [6, 9, 10, 15, 20]) {
      let held = 0;
      let said = 0;
      for (let trial = 0; trial < trials; trial++) {
        // Exponential: its median is ln 2.
        const values = Array.from({ length: count }, () => -Math.log1p(-random()));
        const { low, high, confidence } = medianInterval(values);
        if (low <= Math.LN2 && Math.LN2 <= high) held++;
        said = confidence;
      }
      const slack = 5 * Math.sqrt((said * (1 - said)) / trials);
      expect(held / trials).to.be.closeTo(said, slack);
      expect(held / trials).above(0.95 - slack);
    }
  });
});
