// The gateway that is measured, in a process of its own, as `prms serve` opens it; tells its address and its memory.
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';
import { loadConfig } from '../config/index.js';
import { openGateway } from '../runtime/index.js';

const { config } = loadConfig(process.env);
const gateway = await openGateway({ config });
setFlagsFromString('--expose-gc');
const collect = z
  .custom<() => void>((found) => typeof found === 'function')
  .parse(runInNewContext('gc'));

async function memory(): Promise<{ heapBytes: number; residentBytes: number }> {
  // What one collection finds free, the next one takes with it.
  for (let times = 0; times < 3; times++) {
    collect();
    await sleep(200);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapBytes: heapUsed + external, residentBytes: rss };
}

process.on('message', (wish) => {
  if (wish === 'memory') void memory().then((held) => process.send?.(held));
  // Ends by itself, so that a profiler writes what it has seen.
  if (wish === 'close') void gateway.close().then(() => process.exit(0));
});
process.on('disconnect', () => process.exit(1));
process.send?.({ url: gateway.url });
