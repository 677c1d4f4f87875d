// Puts queue, shelf and worker together.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, RandomBytes } from '../../ambient.js';
import type { Config } from '../../config/index.js';
import type { Log } from '../../logging.js';
import type { Store } from '../../store/index.js';
import type { MasterKey } from '../../vault/index.js';
import type { Outbox } from '../outbox.js';
import type { Records } from '../records.js';
import type { Uploads } from '../reports/index.js';
import { ServiceAccounts } from './accounts.js';
import { Entries } from './entries.js';
import { Queue } from './queue.js';
import { Shelf } from './shelf.js';
import { Worker } from './worker.js';

export interface Acquisition {
  readonly accounts: ServiceAccounts;
  readonly queue: Queue;
  /** Takes up what waits; until then nothing is tried. */
  start(): Promise<void>;
  /** Lets what is under way come to its end, but not for longer than a shutdown may take. */
  close(): Promise<void>;
}

const HOUR_MS = 60 * 60_000;

export function openAcquisition(base: {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly store: Store;
  readonly master: MasterKey;
  readonly records: Records;
  readonly outbox: Outbox;
  readonly uploads: Uploads;
}): Acquisition {
  const { config, clock, random, log, store, master, records, outbox, uploads } = base;
  const accounts = new ServiceAccounts({
    records,
    store,
    master,
    clock,
    random,
    maxPerHospital: config.serviceAccounts,
  });
  const entries = new Entries(store, master);
  const shelf = new Shelf(join(config.dataDir, 'acquisition'), random);
  const worker = new Worker({
    ...{ entries, shelf, accounts, uploads, outbox, records, clock, log },
    limits: {
      atOnce: config.acquisitionAtOnce,
      pollMs: config.acquisitionPollMs,
      backoffMs: config.acquisitionBackoffMs,
      longestPauseMs: config.acquisitionLongestPauseMs,
      retryMs: config.acquisitionRetryHours * HOUR_MS,
    },
    queue: () => queue,
  });
  const queue: Queue = new Queue({
    ...{ entries, shelf, clock },
    newId: () => records.newId(),
    limits: {
      documents: config.acquisitionDocuments,
      bytes: config.acquisitionBytes,
      receptions: config.acquisitionReceptions,
      reportBytes: config.maxReportBytes,
      pageItems: config.pageItems,
      keepMs: config.acquisitionKeepDays * 24 * HOUR_MS,
      binaryMs: config.fhirBinaryHours * HOUR_MS,
      fullRetryMs: config.acquisitionFullRetryMs,
    },
    onDue: (key, nextAt) => worker.due(key, nextAt),
  });
  return {
    accounts,
    queue,
    start: async () => {
      await queue.resume();
      worker.start();
    },
    close: async () => {
      await Promise.race([
        worker.close(),
        sleep(config.shutdownGraceMs, undefined, { ref: false }),
      ]);
    },
  };
}
