// Settings of the clouds: which, where, by which name, and how patient to be with them.
import { choice, integer, optionalPath, text } from '../kinds.js';
import type { Setting } from '../kinds.js';

const cloudName = /^([a-z][a-z0-9-]{0,31})?$/;

export const clouds = {
  cloudSecond: choice(
    'PRMS_CLOUD_SECOND',
    'none',
    ['none', 'filesystem'],
    'Kind of the second cloud, which keeps another copy of everything; best of another maker than the first.',
  ),
  cloudName: text(
    'PRMS_CLOUD_NAME',
    '',
    cloudName,
    'a-z, 0-9 and dash, at most 32, or empty',
    'Name of the first cloud. It stands on the ledger: every gateway that uses this cloud gives it this name. Empty: its kind.',
  ),
  cloudSecondName: text(
    'PRMS_CLOUD_SECOND_NAME',
    '',
    cloudName,
    'a-z, 0-9 and dash, at most 32, or empty',
    'The same of the second cloud. Empty: its kind, followed by `-2` where the first has that name.',
  ),
  cloudWhenMissing: choice(
    'PRMS_CLOUD_WHEN_MISSING',
    'owe',
    ['owe', 'refuse'],
    'When one of two clouds does not take a copy: `owe` notes it on disk and makes it good later, `refuse` refuses the upload.',
  ),
  cloudRestMs: integer(
    'PRMS_CLOUD_REST_MS',
    15_000,
    [0, 3_600_000],
    'ms',
    'One of two clouds that did not answer is asked last, and owed new copies unasked, for so long.',
  ),
  cloudHealQueue: integer(
    'PRMS_CLOUD_HEAL_QUEUE',
    100,
    [1, 100_000],
    'copies',
    'Copies found bad that wait to be healed at once; beyond that they wait for the scrubber.',
  ),
  cloudDir: text(
    'PRMS_CLOUD_DIR',
    '',
    optionalPath,
    'a path, or empty',
    'Folder of the filesystem cloud. Empty: `clouds` in the data folder.',
  ),
  cloudSecondDir: text(
    'PRMS_CLOUD_SECOND_DIR',
    '',
    optionalPath,
    'a path, or empty',
    'The same of the second cloud. Empty: `clouds-second` in the data folder.',
  ),
  cloudTimeoutMs: integer(
    'PRMS_CLOUD_TIMEOUT_MS',
    30_000,
    [100, 600_000],
    'ms',
    'A cloud that is silent for so long counts as failed.',
  ),
  cloudAttempts: integer(
    'PRMS_CLOUD_ATTEMPTS',
    4,
    [1, 20],
    'attempts',
    'Attempts per cloud request.',
  ),
  cloudBackoffMs: integer(
    'PRMS_CLOUD_BACKOFF_MS',
    100,
    [1, 60_000],
    'ms',
    'Wait before the second attempt; doubles each time, with jitter.',
  ),
} as const satisfies Record<string, Setting>;
