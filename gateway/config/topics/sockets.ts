// Settings of WebSockets, whatever is said on them.
import { MiB, integer } from '../kinds.js';
import type { Setting } from '../kinds.js';

export const sockets = {
  socketsMax: integer(
    'PRMS_SOCKETS_MAX',
    2000,
    [1, 100_000],
    'sockets',
    'WebSockets open at one time; beyond that the answer is BUSY.',
  ),
  socketsPerUser: integer(
    'PRMS_SOCKETS_PER_USER',
    10,
    [1, 100_000],
    'sockets',
    'WebSockets that one user may have open; beyond that the answer is BUSY.',
  ),
  socketFrameBytes: integer(
    'PRMS_SOCKET_FRAME_BYTES',
    65_536,
    [1024, MiB],
    'bytes',
    'Largest frame accepted on a WebSocket; a larger one closes it (1009).',
  ),
  socketFramesPerMinute: integer(
    'PRMS_SOCKET_FRAMES_PER_MINUTE',
    600,
    [1, 100_000],
    '1/min',
    'Frames accepted on one WebSocket; more close it (4429).',
  ),
  socketFramesWaiting: integer(
    'PRMS_SOCKET_FRAMES_WAITING',
    64,
    [1, 10_000],
    'frames',
    'Frames that may wait on one WebSocket while an earlier one is worked on; more close it (4429).',
  ),
  socketPingMs: integer(
    'PRMS_SOCKET_PING_MS',
    30_000,
    [50, 600_000],
    'ms',
    'A WebSocket is asked so often whether somebody is there; no answer until the next time ends it.',
  ),
  socketDoorMs: integer(
    'PRMS_SOCKET_DOOR_MS',
    1000,
    [10, 60_000],
    'ms',
    'How long a WebSocket that only listens may go on after its session has ended or a second factor is asked of it.',
  ),
  socketQueueBytes: integer(
    'PRMS_SOCKET_QUEUE_BYTES',
    262_144,
    [4096, 64 * MiB],
    'bytes',
    'What may wait to be sent on one WebSocket; a reader for whom more piles up is closed (4408), and resumes.',
  ),
  socketDrainMs: integer(
    'PRMS_SOCKET_DRAIN_MS',
    20_000,
    [50, 600_000],
    'ms',
    'A reader who takes longer than this to read what waits is closed (4408), and resumes.',
  ),
} as const satisfies Record<string, Setting>;
