// Settings of the clouds.
import { integer, optionalPath, text } from '../kinds.js';
import type { Setting } from '../kinds.js';

export const clouds = {
  cloudDir: text(
    'PRMS_CLOUD_DIR',
    '',
    optionalPath,
    'a path, or empty',
    'Folder of the filesystem cloud. Empty: `clouds` in the data folder.',
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
