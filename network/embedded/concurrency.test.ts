// The quick in-memory conflict check against the book: whatever runs side by side, verification (which compares every
// version with a rebuilt state) must reach the same verdicts, and the state must be what the valid ones wrote in order.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { conformanceChaincode } from '../conformance/index.js';
import { openEmbeddedLedger, openLevelStore, type Store } from './index.js';

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
  it('property: verdicts by memory equal verdicts by the book', async function () {
    // Some hundred confirmed writes: slow where the disk is.
    this.timeout(60_000);
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
      { numRuns: 30, endOnFailure: true },
    );
    // The property means nothing unless both happen.
    expect(valid).to.be.greaterThan(50);
    expect(conflicts).to.be.greaterThan(20);
  });

  it('runs a transaction again on what its own block left it: a key written, deleted, and read as absent', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'prms-deleted-'));
    const chaincodes = { one: conformanceChaincode };
    const options = { dir, channel: 'concurrent', chaincodes, openStore: slowDisk(60) };
    const ledger = await openEmbeddedLedger(options);
    try {
      const slow = ledger.submit('one', 'increment', ['k', '100']);
      await ledger.submit('one', 'put', ['k', 'not a number']);
      // Keeps the disk busy, so that the next two share a block.
      const filler = ledger.submit('one', 'put', ['other', 'x']);
      await new Promise((resolve) => setTimeout(resolve, 10));
      const [removed, added] = await Promise.all([
        ledger.submit('one', 'remove', ['k']),
        slow,
        filler,
      ]);
      expect(added.blockNumber).to.equal(removed.blockNumber);
      expect(Buffer.from(added.result).toString()).to.equal('1');
      expect((await ledger.verify()).lie).to.equal(undefined);
    } finally {
      await ledger.close();
      await rm(dir, { recursive: true });
    }
  });
});

/** A store that takes `ms` longer to confirm. */
function slowDisk(ms: number): (dir: string) => Promise<Store> {
  return async (folder) => {
    const store = await openLevelStore(folder, { createIfMissing: true });
    return {
      getMany: (keys) => store.getMany(keys),
      entries: (range) => store.entries(range),
      snapshot: () => store.snapshot(),
      close: () => store.close(),
      write: async (writes, durable) => {
        await new Promise((resolve) => setTimeout(resolve, ms));
        await store.write(writes, durable);
      },
    };
  };
}
