import { expect } from 'chai';
import fc from 'fast-check';
import { holm } from './holm.js';

describe('Holm’s correction', () => {
  it('an example by hand', () => {
    // In order 0.005, 0.01, 0.03, 0.04: times 4, 3, 2, 1 is 0.02, 0.03, 0.06, 0.04; the last is not less than the one before.
    const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
    [0.03, 0.06, 0.06, 0.02].forEach((expected, at) => {
      expect(adjusted[at]).to.be.closeTo(expected, 1e-15);
    });
    expect(holm([])).to.deep.equal([]);
    expect(holm([0.04])).to.deep.equal([0.04]);
    expect(holm([0.4, 0.9, 0.8])).to.deep.equal([1, 1, 1]);
  });

  it('shows what the procedure of the paper shows, step by step', () => {
    const ps = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
    fc.assert(
      fc.property(ps, fc.double({ min: 0.001, max: 0.999, noNaN: true }), (given, alpha) => {
        // Reject while p(i) ≤ α / (m − i + 1); stop at the first that is not.
        const rising = given.toSorted((a, b) => a - b);
        const stop = rising.findIndex((p, before) => (given.length - before) * p > alpha);
        const shown = stop === -1 ? rising.length : stop;
        expect(holm(given).filter((p) => p <= alpha).length).to.equal(shown);
      }),
      { numRuns: 500 },
    );
  });
});
