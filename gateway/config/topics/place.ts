// Settings of the place: folders, address, log, the ledger’s name, keys from outside.
import { choice, integer, MiB, path, secret, text } from '../kinds.js';
import type { Setting } from '../kinds.js';

export const place = {
  dataDir: text(
    'PRMS_DATA',
    './data',
    path,
    'a path',
    'Folder of the ledger, accounts and keys; made with mode 0700.',
  ),
  storeRetryMs: integer(
    'PRMS_STORE_RETRY_MS',
    5000,
    [10, 600_000],
    'ms',
    'How often the store looks whether its disk takes writes again after one was refused; meanwhile commits are STORE_UNAVAILABLE.',
  ),
  storeSpareBytes: integer(
    'PRMS_STORE_SPARE_BYTES',
    16 * MiB,
    [MiB, 1024 * MiB],
    'bytes',
    'Room on that disk with which the store is opened anew.',
  ),
  host: text(
    'PRMS_HOST',
    '127.0.0.1',
    /^[A-Za-z0-9.:_-]+$/,
    'a host name or address',
    'Address to listen on.',
  ),
  port: integer('PRMS_PORT', 8080, [0, 65_535], 'port', 'Port to listen on; 0 takes a free one.'),
  publicOrigin: text(
    'PRMS_PUBLIC_ORIGIN',
    '',
    /^(https?:\/\/[A-Za-z0-9.:[\]-]+)?$/,
    'an origin such as https://records.example, or empty',
    'Origin under which browsers reach the gateway, when a proxy stands before it. With https, cookies are marked Secure.',
  ),
  trustedProxyHops: integer(
    'PRMS_TRUSTED_PROXY_HOPS',
    0,
    [0, 10],
    'proxies',
    'How many proxies to believe in X-Forwarded-For.',
  ),
  logLevel: choice(
    'PRMS_LOG_LEVEL',
    'info',
    ['debug', 'info', 'warn', 'error', 'silent'],
    'Least important log line to write.',
  ),
  channel: text(
    'PRMS_CHANNEL',
    'records',
    /^[a-z][a-z0-9.-]{0,62}$/,
    'a channel name: a-z, 0-9, dot, dash',
    'Name of the ledger; signed operations carry it.',
  ),
  setupCode: secret(
    'PRMS_SETUP_CODE',
    /^([!-~]{12,128})?$/,
    '12 to 128 printable characters, or empty',
    'Code that the first hospital gives when it registers. Empty: one is made and printed at the first start.',
  ),
  masterKey: secret(
    'PRMS_MASTER_KEY',
    /^([0-9a-f]{64})?$/,
    '64 hex digits, or empty',
    'Key under which service keys and profiles rest. Empty: kept in `gateway.key` in the data folder.',
  ),
} as const satisfies Record<string, Setting>;
