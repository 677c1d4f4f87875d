// Settings of requests over HTTP, whatever they are about.
import { MiB, integer } from '../kinds.js';
import type { Setting } from '../kinds.js';

export const requests = {
  maxJsonBytes: integer(
    'PRMS_MAX_JSON_BYTES',
    262_144,
    [1024, 16 * MiB],
    'bytes',
    'Largest JSON body accepted.',
  ),
  maxRequestsAtOnce: integer(
    'PRMS_MAX_REQUESTS_AT_ONCE',
    2000,
    [10, 100_000],
    'requests',
    'Requests answered at one time; beyond that the answer is BUSY.',
  ),
  maxConnections: integer(
    'PRMS_MAX_CONNECTIONS',
    10_000,
    [10, 1_000_000],
    'connections',
    'Connections open at one time, idle ones and WebSockets too; further ones are closed at once.',
  ),
  requestTimeoutMs: integer(
    'PRMS_REQUEST_TIMEOUT_MS',
    60_000,
    [1000, 600_000],
    'ms',
    'Longest time for an ordinary request.',
  ),
  uploadTimeoutMs: integer(
    'PRMS_UPLOAD_TIMEOUT_MS',
    600_000,
    [1000, 7_200_000],
    'ms',
    'Longest time for an upload or a download.',
  ),
  shutdownGraceMs: integer(
    'PRMS_SHUTDOWN_GRACE_MS',
    10_000,
    [0, 300_000],
    'ms',
    'How long requests in flight may finish at a shutdown.',
  ),
} as const satisfies Record<string, Setting>;
