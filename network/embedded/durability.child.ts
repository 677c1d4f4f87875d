// The victim of the durability test: opens the ledger in argv[2], says how long that took, then submits without
// pause and prints each key once it is acknowledged. It never ends by itself.
import { conformanceChaincode } from '../conformance/chaincode.js';
import { openEmbeddedLedger } from './index.js';

/** Resolves when the line is in the pipe: a key that was printed was acknowledged before. */
const say = (line: string): Promise<void> =>
  new Promise((resolve) => process.stdout.write(`${line}\n`, () => resolve()));

const [, , dir = '', run = ''] = process.argv;
const began = performance.now();
const ledger = await openEmbeddedLedger({
  dir,
  channel: 'durable',
  chaincodes: { one: conformanceChaincode },
});
await say(`open ${Math.round(performance.now() - began)}`);

const WRITERS = 8;
let next = 0;

async function write(): Promise<never> {
  for (;;) {
    const key = `${run}-${next++}`;
    await ledger.submit('one', 'put', [key, key.repeat(1 + (next % 200))]);
    await say(key);
  }
}

await Promise.all(Array.from({ length: WRITERS }, write));
