// The embedded ledger keeps the port's promises.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CONFORMANCE_CHAINCODES,
  conformanceChaincode,
  ledgerConformance,
} from '../conformance/index.js';
import { openEmbeddedLedger } from './index.js';

ledgerConformance('embedded', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'prms-conformance-'));
  const [one, two] = CONFORMANCE_CHAINCODES;
  const ledger = await openEmbeddedLedger({
    dir,
    channel: 'conformance',
    chaincodes: { [one]: conformanceChaincode, [two]: conformanceChaincode },
    transientChaincodes: [one],
  });
  return { ledger, cleanUp: () => rm(dir, { recursive: true, force: true }) };
});
