// The victim of the durability test: opens the ledger in argv[2], says how long that took, then submits without
// pause and prints each key once it is acknowledged. It never ends by itself.
import { writeSync } from 'node:fs';
import { conformanceChaincode } from '../conformance/chaincode.js';
import { openEmbeddedLedger } from './index.js';

const [, , dir = '', run = ''] = process.argv;
const began = performance.now();
const ledger = await openEmbeddedLedger({
  dir,
  channel: 'durable',
  chaincodes: { one: conformanceChaincode },
});
// Synchronous: a line that was printed is in the pipe even when the next instruction is the last.
writeSync(1, `open ${Math.round(performance.now() - began)}\n`);

const WRITERS = 8;
let next = 0;

async function write(): Promise<never> {
  for (;;) {
    const key = `${run}-${next++}`;
    await ledger.submit('one', 'put', [key, key.repeat(1 + (next % 200))]);
    writeSync(1, `${key}\n`);
  }
}

await Promise.all(Array.from({ length: WRITERS }, write));
