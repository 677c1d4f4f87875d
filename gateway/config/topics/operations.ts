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
  outboxOperations: integer(
    'PRMS_OUTBOX_OPERATIONS',
    10_000,
    [10, 1_000_000],
    'operations',
    'Operations on disk that have no receipt yet; beyond that the answer is BUSY.',
  ),
  outboxSpareOperations: integer(
    'PRMS_OUTBOX_SPARE_OPERATIONS',
    1000,
    [0, 100_000],
    'operations',
    'Places of the outbox that bulk requests leave to everybody else; at most half of them.',
  ),
  bulkRequests: integer(
    'PRMS_BULK_REQUESTS',
    500,
    [1, 10_000],
    'requests',
    'Requests with lines of operations at one time; beyond that the answer is BUSY.',
  ),
  bulkRequestsPerAccount: integer(
    'PRMS_BULK_REQUESTS_PER_ACCOUNT',
    64,
    [1, 10_000],
    'requests',
    'The same for one account; beyond that the answer is TOO_MANY.',
  ),
  bulkWindowOperations: integer(
    'PRMS_BULK_WINDOW_OPERATIONS',
    2000,
    [1, 100_000],
    'operations',
    'Operations of one bulk request that may be without a receipt; beyond that its lines are not read.',
  ),
  bulkUnreadReceipts: integer(
    'PRMS_BULK_UNREAD_RECEIPTS',
    10_000,
    [1, 1_000_000],
    'receipts',
    'Receipts of one bulk request that wait for a reader; beyond that its lines are not read.',
  ),
  bulkStallMs: integer(
    'PRMS_BULK_STALL_MS',
    30_000,
    [100, 600_000],
    'ms',
    'A bulk request is cut when its receipts wait unread, at the bound above, for so long.',
  ),
  fatesPerQuestion: integer(
    'PRMS_FATES_PER_QUESTION',
    1000,
    [1, 10_000],
    'operations',
    'Operations of which one request may ask what became of them.',
  ),
} as const satisfies Record<string, Setting>;
