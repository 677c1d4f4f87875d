// What a verification leaves to the process that made it: nothing.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { conformanceChaincode } from '../conformance/index.js';
import { openEmbeddedLedger } from './index.js';

/** Does Node follow asynchronous calls, for some storage's sake? Its own frame then stands below each callback. */
function areCallsFollowed(): Promise<boolean> {
  return new Promise((resolve) => {
    setImmediate(() => {
      resolve(new Error().stack?.includes('callbackTrampoline') === true);
    });
  });
}

describe('running transactions again', () => {
  it('leaves nothing behind that the promises of everybody else would carry', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'prms-recheck-'));
    const chaincodes = { one: conformanceChaincode };
    const ledger = await openEmbeddedLedger({ dir, channel: 'recheck', chaincodes });
    try {
      await ledger.submit('one', 'put', ['a', '1']);
      expect((await ledger.verify()).ok).to.equal(true);
      expect(await areCallsFollowed()).to.equal(false);
    } finally {
      await ledger.close();
      await rm(dir, { recursive: true, force: true });
    }
  });
});
