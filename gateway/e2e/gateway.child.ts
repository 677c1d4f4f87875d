// A gateway in a process of its own, to be killed or overloaded: tells its address, lets its ledger hang, be slow or work
// as it is told, and says how much memory it holds.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';
import { loadConfig } from '../config/index.js';
import { openGateway } from '../runtime/index.js';
import { MoodyLedger } from './moody-ledger.js';

const { config } = loadConfig(process.env);
const moody = await MoodyLedger.openIn(`${config.dataDir}/ledger`, { now: () => Date.now() });
const gateway = await openGateway({ config, ledger: moody.ledger });

setFlagsFromString('--expose-gc');
const collect = z
  .custom<() => void>((found) => typeof found === 'function')
  .parse(runInNewContext('gc'));

function memory(): { heapBytes: number; residentBytes: number } {
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapBytes: heapUsed + external, residentBytes: rss };
}

process.on('message', (wish) => {
  if (wish === 'hangs') moody.hangs();
  if (wish === 'slow') moody.slow(2000);
  if (wish === 'works') moody.works();
  process.send?.(wish === 'memory' ? memory() : { mood: wish });
});
// Whoever started this is gone: so is the reason to live.
process.on('disconnect', () => process.exit(1));
process.send?.({ url: gateway.url });
