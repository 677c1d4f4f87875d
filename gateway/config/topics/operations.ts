// Settings of operations on their way to the ledger: waiting, queues, batches.
import { integer } from '../kinds.js';
import type { Setting } from '../kinds.js';

export const operations = {
  commitWaitMs: integer(
    'PRMS_COMMIT_WAIT_MS',
    30_000,
    [1000, 300_000],
    'ms',
    'How long to wait for a commit before COMMIT_TIMEOUT.',
  ),
} as const satisfies Record<string, Setting>;
