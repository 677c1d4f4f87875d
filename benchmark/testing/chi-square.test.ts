import { expect } from 'chai';
import { chiSquareP, upperTail } from './chi-square.js';

describe('chi-square test', () => {
  it('knows the quantiles of printed tables', () => {
    // Degrees of freedom, critical value, probability of exceeding it (Abramowitz, Stegun 1964, table 26.8).
    const table = [
      [1, 3.84146, 0.05],
      [1, 10.8276, 0.001],
      [5, 11.0705, 0.05],
      [10, 29.5883, 0.001],
      [30, 59.7031, 0.001],
      [100, 124.342, 0.05],
    ] as const;
    for (const [degrees, value, probability] of table) {
      expect(upperTail(value, degrees)).to.be.closeTo(probability, probability * 1e-4);
    }
    // With two degrees it is e^(−x/2).
    expect(upperTail(40, 2)).to.be.closeTo(Math.exp(-20), 1e-14);
    expect(upperTail(0.1, 2)).to.be.closeTo(Math.exp(-0.05), 1e-12);
  });

  it('sums Pearson’s statistic, with rare neighbours put together', () => {
    // (60 − 50)²/50 twice: 4, with one degree.
    expect(chiSquareP([60, 40], [0.5, 0.5])).to.equal(upperTail(4, 1));
    // The last three are expected 1 + 1 + 8 times: one cell.
    expect(chiSquareP([50, 40, 3, 0, 7], [0.5, 0.4, 0.01, 0.01, 0.08])).to.equal(upperTail(0, 2));
    expect(chiSquareP([50, 44, 6], [0.5, 0.45, 0.05])).to.equal(upperTail(0, 1));
  });

  it('rejects what a theory excludes', () => {
    expect(chiSquareP([50, 50, 1], [0.5, 0.5, 0])).to.equal(0);
    expect(chiSquareP([50, 50, 1], [0.5, 0.5])).to.equal(0);
  });
});
