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
  exportTimeoutMs: integer(
    'PRMS_EXPORT_TIMEOUT_MS',
    3_600_000,
    [1000, 86_400_000],
    'ms',
    'Longest time for an export of a whole record.',
  ),
  headersTimeoutMs: integer(
    'PRMS_HEADERS_TIMEOUT_MS',
    20_000,
    [1000, 600_000],
    'ms',
    'Longest time for the headers of a request to arrive.',
  ),
  keepAliveTimeoutMs: integer(
    'PRMS_KEEP_ALIVE_TIMEOUT_MS',
    5000,
    [0, 600_000],
    'ms',
    'A connection without a request is closed after so long.',
  ),
  maxHeaderBytes: integer(
    'PRMS_MAX_HEADER_BYTES',
    16_384,
    [2048, 1_048_576],
    'bytes',
    'Largest head of a request, its address included.',
  ),
  maxHeaders: integer('PRMS_MAX_HEADERS', 100, [20, 2000], 'headers', 'Most headers of a request.'),
} as const satisfies Record<string, Setting>;
