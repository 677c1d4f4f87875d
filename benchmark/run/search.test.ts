// The search for the sustainable rate, against platforms of a known one.
import { expect } from 'chai';
import fc from 'fast-check';
import type { RunResult } from '../results/result.js';
import { searchRate, type Sustainable } from './search.js';

/** Only what the search looks at. */
const verdict = (overload: boolean, valid = true): RunResult =>
  ({ overload, valid, interrupted: false }) as RunResult;

async function found(
  capacity: number,
  { maxRate = 100_000, precision = 0.05 } = {},
): Promise<Sustainable & { tries: number }> {
  let tries = 0;
  const sustainable = await searchRate({
    fromRate: 100,
    maxRate,
    precision,
    signal: new AbortController().signal,
    tryRate: (rate) => {
      tries++;
      return Promise.resolve(verdict(rate > capacity));
    },
  });
  return { ...sustainable, tries };
}

describe('the search for the sustainable rate', () => {
  it('finds it within its precision, in a few tries', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 99_999 }), async (capacity) => {
        const { ratePerSecond, tries } = await found(capacity);
        expect(ratePerSecond).to.be.at.most(capacity);
        expect(ratePerSecond).to.be.at.least(Math.min(capacity - 1, capacity / 1.05 - 1));
        expect(tries).to.be.below(24);
      }),
    );
  });

  it('ends at its upper bound', async () => {
    const { ratePerSecond, tooMuch } = await found(Infinity, { maxRate: 1000 });
    expect({ ratePerSecond, tooMuch }).to.deep.equal({ ratePerSecond: 1000, tooMuch: null });
  });

  it('says when nothing holds', async () => {
    expect(await found(0)).to.include({ ratePerSecond: null, tooMuch: 1 });
  });

  it('does not count a run whose generator missed its schedule', async () => {
    const sustainable = await searchRate({
      fromRate: 100,
      maxRate: 100_000,
      precision: 0.05,
      signal: new AbortController().signal,
      tryRate: (rate) => Promise.resolve(verdict(false, rate <= 1000)),
    });
    expect(sustainable.ratePerSecond).to.be.within(950, 1000);
  });
});
