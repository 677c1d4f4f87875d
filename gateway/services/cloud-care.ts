// What looks after the clouds' copies, put together.

import { setTimeout as sleep } from 'node:timers/promises';
import { CloudHealthList } from './cloud-health.js';
import type { Services } from './index.js';
import type { Foundations } from './make.js';
import type { Records } from './records.js';
import { Scrubber } from './scrubber/index.js';

const HOUR_MS = 3_600_000;

export function makeCloudCare(
  { config, copies, store, clock, log }: Foundations,
  records: Records,
): Pick<Services, 'cloudHealth' | 'scrubber'> {
  const scrubber = new Scrubber({
    records,
    copies,
    store,
    clock,
    pace: {
      copiesPerSecond: config.scrubCopiesPerSecond,
      bytesPerSecond: config.scrubBytesPerSecond,
    },
    roundMs: config.scrubRoundHours * HOUR_MS,
    pause: (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined),
    onRound: ({ counts: { copies: count, bytes, healed } }) =>
      log.info('scrub.round', { count, bytes, outcome: `healed ${healed}` }),
    onFailure: (error) => log.error('scrub.failed', { error }),
  });
  return {
    scrubber,
    cloudHealth: new CloudHealthList({ copies, scrubber, pageItems: config.pageItems }),
  };
}
