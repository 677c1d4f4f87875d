// The table of settings: one row each, from which the types, the checks, `prms config` and
// docs/configuration.md are all made. Units stand last in the names.

/** What a value may be. A whole number has bounds, a choice has its words, a text has a pattern. */
export type SettingKind =
  | {
      readonly kind: 'integer';
      readonly default: number;
      readonly min: number;
      readonly max: number;
    }
  | {
      readonly kind: 'number';
      readonly default: number;
      readonly min: number;
      readonly max: number;
    }
  | {
      readonly kind: 'text';
      readonly default: string;
      readonly pattern: RegExp;
      readonly shape: string;
      /** Never printed. */
      readonly secret?: true;
    }
  | { readonly kind: 'choice'; readonly default: string; readonly choices: readonly string[] };

export type Setting = SettingKind & {
  readonly env: `PRMS_${string}`;
  readonly unit: string;
  readonly doc: string;
};

const MiB = 1024 * 1024;

const integer = (
  env: `PRMS_${string}`,
  preset: number,
  [min, max]: readonly [number, number],
  unit: string,
  doc: string,
) => ({ kind: 'integer', env, default: preset, min, max, unit, doc }) as const;

const text = (env: `PRMS_${string}`, preset: string, pattern: RegExp, shape: string, doc: string) =>
  ({ kind: 'text', env, default: preset, pattern, shape, unit: '', doc }) as const;

const secret = (env: `PRMS_${string}`, pattern: RegExp, shape: string, doc: string) =>
  ({ kind: 'text', env, default: '', pattern, shape, unit: '', doc, secret: true }) as const;

const choice = <const C extends readonly [string, ...string[]]>(
  env: `PRMS_${string}`,
  preset: C[number],
  choices: C,
  doc: string,
) => ({ kind: 'choice', env, default: preset, choices, unit: '', doc }) as const;

const number = (
  env: `PRMS_${string}`,
  preset: number,
  [min, max]: readonly [number, number],
  unit: string,
  doc: string,
) => ({ kind: 'number', env, default: preset, min, max, unit, doc }) as const;

const path = /^[^\0]+$/;
const optionalPath = /^[^\0]*$/;

/** Every setting of the gateway, by the name it has in `prms.config.json` and in `Config`. */
export const settings = {
  dataDir: text(
    'PRMS_DATA',
    './data',
    path,
    'a path',
    'Folder of the ledger, accounts and keys; made with mode 0700.',
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

  sessionIdleMinutes: integer(
    'PRMS_SESSION_IDLE_MINUTES',
    30,
    [1, 1440],
    'min',
    'A session that is not used for so long ends.',
  ),
  sessionAbsoluteMinutes: integer(
    'PRMS_SESSION_ABSOLUTE_MINUTES',
    720,
    [1, 10_080],
    'min',
    'A cookie session ends so long after its log-in, used or not.',
  ),
  bearerAbsoluteMinutes: integer(
    'PRMS_BEARER_ABSOLUTE_MINUTES',
    1440,
    [1, 43_200],
    'min',
    'A bearer token ends so long after its log-in.',
  ),
  freshLoginMinutes: integer(
    'PRMS_FRESH_LOGIN_MINUTES',
    5,
    [1, 60],
    'min',
    'How long a password counts as just given (emergency access, key changes).',
  ),
  sessionsPerAccount: integer(
    'PRMS_SESSIONS_PER_ACCOUNT',
    20,
    [1, 1000],
    'sessions',
    'When there are more, the least recently used one ends.',
  ),
  loginAttemptsPerMinute: integer(
    'PRMS_LOGIN_ATTEMPTS_PER_MINUTE',
    10,
    [1, 1000],
    '1/min',
    'Failed log-ins for one account name from one address or known device before it has to wait.',
  ),
  loginAttemptsPerHour: integer(
    'PRMS_LOGIN_ATTEMPTS_PER_HOUR',
    30,
    [1, 10_000],
    '1/h',
    'The same in an hour.',
  ),
  strangerAttemptsPerHour: integer(
    'PRMS_STRANGER_ATTEMPTS_PER_HOUR',
    300,
    [1, 100_000],
    '1/h',
    'Failed log-ins for one account name by all unknown devices and addresses together; known ones are not held up.',
  ),
  secondFactorAttemptsPerHour: integer(
    'PRMS_SECOND_FACTOR_ATTEMPTS_PER_HOUR',
    20,
    [1, 1000],
    '1/h',
    'Wrong one-time codes for one account by all unknown devices together, and by each known one.',
  ),
  addressAttemptsPerMinute: integer(
    'PRMS_ADDRESS_ATTEMPTS_PER_MINUTE',
    60,
    [1, 10_000],
    '1/min',
    'Failed log-ins from one address (IPv6: one /64), whatever the names; known devices are not held up.',
  ),
  registrationsPerHour: integer(
    'PRMS_REGISTRATIONS_PER_HOUR',
    100,
    [1, 100_000],
    '1/h',
    'Registrations from one address (IPv6: one /64).',
  ),
  deviceDays: integer(
    'PRMS_DEVICE_DAYS',
    180,
    [1, 3650],
    'days',
    'A device, or an address, counts as known for so long after a log-in.',
  ),

  argon2Passes: integer(
    'PRMS_ARGON2_PASSES',
    3,
    [1, 20],
    'passes',
    'Argon2id time cost for new passwords (RFC 9106, second recommended option: 3).',
  ),
  argon2MemoryKiB: integer(
    'PRMS_ARGON2_MEMORY_KIB',
    65_536,
    [8, 2_097_152],
    'KiB',
    'Argon2id memory for new passwords.',
  ),
  argon2Lanes: integer(
    'PRMS_ARGON2_LANES',
    4,
    [1, 16],
    'lanes',
    'Argon2id parallelism for new passwords.',
  ),
  argon2AtOnce: integer(
    'PRMS_ARGON2_AT_ONCE',
    2,
    [1, 64],
    'derivations',
    'Password derivations at one time; each takes the memory above.',
  ),
  argon2Queue: integer(
    'PRMS_ARGON2_QUEUE',
    64,
    [0, 10_000],
    'derivations',
    'Derivations that may wait; beyond that the answer is BUSY. A quarter is kept for known devices and addresses.',
  ),
  argon2QueuePerAddress: integer(
    'PRMS_ARGON2_QUEUE_PER_ADDRESS',
    16,
    [1, 10_000],
    'derivations',
    'How many of those places one address or known device may take.',
  ),

  maxReportBytes: integer(
    'PRMS_MAX_REPORT_BYTES',
    64 * MiB,
    [1024, 4096 * MiB],
    'bytes',
    'Largest report accepted.',
  ),
  stegoLimitBytes: integer(
    'PRMS_STEGO_LIMIT_BYTES',
    16 * MiB,
    [0, 16 * MiB],
    'bytes',
    'Reports above this are stored encrypted only, and labelled so.',
  ),
  maxCoverBytes: integer(
    'PRMS_MAX_COVER_BYTES',
    32 * MiB,
    [1024, 256 * MiB],
    'bytes',
    'Largest cover image accepted.',
  ),
  maxUploadFiles: integer(
    'PRMS_MAX_UPLOAD_FILES',
    20,
    [1, 200],
    'files',
    'Files in one multipart upload.',
  ),
  maxUploadsAtOnce: integer(
    'PRMS_MAX_UPLOADS_AT_ONCE',
    4,
    [1, 100],
    'uploads',
    'Uploads handled at one time; beyond that the answer is BUSY.',
  ),
  maxJsonBytes: integer(
    'PRMS_MAX_JSON_BYTES',
    262_144,
    [1024, 16 * MiB],
    'bytes',
    'Largest JSON body accepted.',
  ),
  maxBitsPerSample: number(
    'PRMS_MAX_BITS_PER_SAMPLE',
    0.2,
    [0.001, 1],
    'bit/sample',
    'Payload rate that hiding may not exceed.',
  ),

  accessTicketSeconds: integer(
    'PRMS_ACCESS_TICKET_SECONDS',
    300,
    [10, 3600],
    's',
    'How long a committed access allows range requests.',
  ),
  emergencyWindowMinutes: integer(
    'PRMS_EMERGENCY_WINDOW_MINUTES',
    60,
    [5, 1440],
    'min',
    'How long an emergency access lasts.',
  ),
  emergencyCommitWaitMs: integer(
    'PRMS_EMERGENCY_COMMIT_WAIT_MS',
    3000,
    [100, 60_000],
    'ms',
    'In an emergency the report opens after so long even if the ledger has not answered; the access is anchored late.',
  ),
  commitWaitMs: integer(
    'PRMS_COMMIT_WAIT_MS',
    30_000,
    [1000, 300_000],
    'ms',
    'How long to wait for a commit before COMMIT_TIMEOUT.',
  ),

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

export type SettingName = keyof typeof settings;

type ValueOf<S extends Setting> = S extends { kind: 'integer' | 'number' }
  ? number
  : S extends { kind: 'choice'; choices: readonly (infer Word)[] }
    ? Word
    : string;

/** The values in force, one a setting. */
export type Config = { readonly [Name in SettingName]: ValueOf<(typeof settings)[Name]> };
