// The quick in-memory conflict check against the book: whatever runs side by side, verification (which compares every
// version with a rebuilt state) must reach the same verdicts, and the state must be what the valid ones wrote in order.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { conformanceChaincode } from '../conformance/index.js';
import { openEmbeddedLedger } from './index.js';

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const wait = fc.constantFrom('0', '0', '2', '5');
const call = fc.oneof(
  fc.tuple(key, fc.string({ minLength: 1, maxLength: 3 })).map(([k, v]) => ['put', k, v]),
  key.map((k) => ['remove', k]),
  fc.tuple(key, wait).map(([k, ms]) => ['increment', k, ms]),
  fc.tuple(key, key, key, wait).map(([from, to, k, ms]) => ['countInto', from, to, k, ms]),
  key.map((k) => ['history', k]),
);
const bursts = fc.array(fc.array(call, { minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 4,
});

describe('concurrency', () => {
  it('property: verdicts by memory equal verdicts by the book', async () => {
    let valid = 0;
    let conflicts = 0;
    await fc.assert(
      fc.asyncProperty(
        bursts,
        fc.integer({ min: 1, max: 6 }),
        async (plan, maxBlockTransactions) => {
          const dir = await mkdtemp(join(tmpdir(), 'prms-concurrent-'));
          const chaincodes = { one: conformanceChaincode };
          const options = { dir, channel: 'concurrent', chaincodes, maxBlockTransactions };
          const ledger = await openEmbeddedLedger(options);
          try {
            for (const burst of plan) {
              const works = burst.map(([fn = '', ...args]) => ledger.submit('one', fn, args));
              for (const outcome of await Promise.allSettled(works)) {
                if (outcome.status === 'fulfilled') valid++;
                else conflicts++;
              }
            }
            const report = await ledger.verify();
            expect(report.lie, report.lie?.message).to.equal(undefined);
          } finally {
            await ledger.close();
            await rm(dir, { recursive: true });
          }
        },
      ),
      { numRuns: 40 },
    );
    // The property means nothing unless both happen.
    expect(valid).to.be.greaterThan(50);
    expect(conflicts).to.be.greaterThan(20);
  });
});
