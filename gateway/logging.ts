// The log: pino lines built from an allow-list of harmless fields. What is not on the list can't be logged, so a
// key, a password, a title or a report's byte has no way in, not even by way of an error's message.
import { pino } from 'pino';
import type { DestinationStream } from 'pino';

/** Every field that a log line may have, and the kind of its value. Ids, codes, numbers; never text of a user. */
const allowed = {
  requestId: 'string',
  method: 'string',
  /** The route's template, never the address that was asked for. */
  route: 'string',
  status: 'number',
  durationMs: 'number',
  code: 'string',
  reason: 'string',
  userId: 'string',
  recipientId: 'string',
  hospitalId: 'string',
  reportId: 'string',
  operationId: 'string',
  operationType: 'string',
  sessionKind: 'string',
  role: 'string',
  cloud: 'string',
  objectName: 'string',
  cloudOperation: 'string',
  blockNumber: 'number',
  count: 'number',
  bytes: 'number',
  attempt: 'number',
  queueLength: 'number',
  host: 'string',
  port: 'number',
  version: 'string',
  setting: 'string',
  outcome: 'string',
} as const;

type ValueOf<Kind> = Kind extends 'number' ? number : string;

/** What a line may say besides its event. */
export type LogFields = {
  readonly [Name in keyof typeof allowed]?: ValueOf<(typeof allowed)[Name]> | undefined;
} & {
  /** Its name, code and stack frames are logged; its message is not. */
  readonly error?: unknown;
};

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A log. `event` is a fixed name such as `report.stored`, never a sentence with values in it. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** A log to `destination` (default: standard error, so that standard output stays for results). */
export function createLog(options: {
  readonly level: LogLevel | 'silent';
  readonly destination?: DestinationStream;
}): Log {
  const { level, destination = pino.destination({ dest: 2, sync: true }) } = options;
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const write =
    (severity: LogLevel) =>
    (event: string, fields: LogFields = {}): void => {
      // An event with spaces or digits was put together from values: its text is not to be trusted.
      const name = /^[a-z][a-z-]*(\.[a-z][a-z-]*)*$/.test(event) ? event : 'unnamed';
      logger[severity]({ event: name, ...safeFields(fields) });
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

const MAX_TEXT = 200;

/** The allowed fields of the allowed kind; the rest is dropped, whatever the types said. */
function safeFields(fields: LogFields): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  const given: Readonly<Record<string, unknown>> = { ...fields };
  for (const [name, kind] of Object.entries(allowed)) {
    const value = given[name];
    if (typeof value === kind)
      safe[name] = typeof value === 'string' ? value.slice(0, MAX_TEXT) : value;
  }
  if (fields.error !== undefined) safe['error'] = describeError(fields.error, 0);
  return safe;
}

interface ErrorDescription {
  readonly name: string;
  readonly code?: string;
  readonly at?: readonly string[];
  readonly cause?: ErrorDescription;
}

/** Name, code and frames of an error and of its causes. Messages may repeat input, so they stay out. */
function describeError(error: unknown, depth: number): ErrorDescription {
  if (!(error instanceof Error)) return { name: typeof error };
  const code =
    'code' in error && typeof error.code === 'string' ? { code: error.code.slice(0, 60) } : {};
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line));
  return {
    name: error.name.slice(0, 60),
    ...code,
    at: frames.slice(0, 8).map((line) => line.trim().slice(3)),
    ...(error.cause === undefined || depth >= 4
      ? {}
      : { cause: describeError(error.cause, depth + 1) }),
  };
}
