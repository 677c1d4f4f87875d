// The one error class of the gateway, its closed union of codes with their HTTP status, and the
// RFC 9457 problem document that a client is shown. docs/errors.md is generated from the table below.
import type { ZodError } from 'zod';

/** One row a code: HTTP status, short title (the same for every occurrence, RFC 9457 §3.1.3), what to do. */
const table = {
  BAD_REQUEST: [400, 'Malformed request', 'Correct the syntax of the request and send it again.'],
  UNAUTHENTICATED: [401, 'Not logged in', 'Log in and repeat the request.'],
  WRONG_CREDENTIALS: [401, 'Wrong credentials', 'Check the login name and password or code.'],
  FRESH_LOGIN_REQUIRED: [401, 'Fresh login required', 'Give the password again, then repeat.'],
  KEYS_LOCKED: [401, 'Keys are locked', 'Log in again: the keys are no longer held in memory.'],
  FORBIDDEN: [403, 'Not permitted', 'This account may not do this.'],
  SECOND_FACTOR_REQUIRED: [
    403,
    'Second factor required',
    'Enrol a second factor, or log in with the one that you have.',
  ],
  CSRF: [403, 'Cross-site request refused', 'Send the session’s CSRF token from the same origin.'],
  REFUSED: [403, 'Refused by the ledger', 'A rule of the ledger refused: see `reason`.'],
  NOT_FOUND: [404, 'Not found', 'Check the address or id.'],
  METHOD_NOT_ALLOWED: [405, 'Method not allowed', 'Use one of the methods in the Allow header.'],
  REQUEST_TIMEOUT: [408, 'Request timed out', 'Send the whole request faster, or a smaller one.'],
  CONFLICT: [409, 'Conflict', 'Read the present state again, then decide.'],
  KEYS_ELSEWHERE: [
    409,
    'Keys are kept elsewhere',
    'Sign the operation with the account’s own keys and send it to POST /operations.',
  ],
  GONE: [410, 'Gone', 'It was withdrawn or erased and will not come back.'],
  TOO_LARGE: [413, 'Too large', 'Send less: the limit is in `limitBytes`.'],
  UNSUPPORTED_MEDIA: [415, 'Unsupported media type', 'Send one of the documented content types.'],
  RANGE: [416, 'Range not satisfiable', 'Ask for bytes that lie within the report.'],
  ELSEWHERE: [421, 'At another gateway', 'Ask at the gateway of the hospital named in `ids`.'],
  VALIDATION: [422, 'Invalid values', 'Correct the fields named in `fields`.'],
  TOO_MANY: [429, 'Too many requests', 'Wait for the time in the Retry-After header.'],
  INTERNAL: [500, 'Internal error', 'Report the request id to whoever runs the gateway.'],
  CONFIG: [500, 'Invalid configuration', 'Correct the setting that is named and start again.'],
  STORE_DAMAGED: [500, 'Stored data is damaged', 'Restore the gateway’s data from a backup.'],
  STORE_LOCKED: [500, 'Data folder is in use', 'Stop the other process that holds the folder.'],
  CLOUD_UNAVAILABLE: [502, 'Cloud unavailable', 'Try again later: no cloud copy answered.'],
  REPORT_DAMAGED: [502, 'Report is damaged', 'The copy in the cloud is not what was anchored.'],
  WRAP_DAMAGED: [502, 'Key wrap is damaged', 'The stored key wrap does not open for this reader.'],
  BUSY: [503, 'Busy', 'Try again in a moment: a queue is full.'],
  LEDGER_UNAVAILABLE: [503, 'Ledger unavailable', 'Try again later: the ledger does not answer.'],
  STORE_UNAVAILABLE: [
    503,
    'Store takes no writes',
    'Read the present state, then try again later: the gateway’s disk is full or failing.',
  ],
  SHUTTING_DOWN: [503, 'Shutting down', 'Try again in a moment.'],
  TIMEOUT: [504, 'Took too long', 'Ask again: the work may have been done.'],
  COMMIT_TIMEOUT: [
    504,
    'No commit in time',
    'Ask again with the same operation id: it may commit.',
  ],
} as const satisfies Record<string, readonly [status: number, title: string, remedy: string]>;

/** Why the gateway could not do what it was asked. */
export type GatewayErrorCode = keyof typeof table;

export interface GatewayErrorRow {
  readonly code: GatewayErrorCode;
  readonly status: number;
  readonly title: string;
  readonly remedy: string;
}

const isCode = (name: string): name is GatewayErrorCode => Object.hasOwn(table, name);

/** Every code with its status, title and remedy, ordered by status. */
export const gatewayErrorRows: readonly GatewayErrorRow[] = Object.keys(table)
  .filter(isCode)
  .map((code) => ({ code, status: table[code][0], title: table[code][1], remedy: table[code][2] }));

/** One field of a request that does not fit, by its path: `body.scope.tags.0`. */
export interface FieldFault {
  readonly path: string;
  readonly message: string;
}

export interface GatewayErrorOptions extends ErrorOptions {
  /** The things involved, by kind: `{ report: '…' }`. Never personal data, never secrets. */
  readonly ids?: Readonly<Record<string, string | number>>;
  /** The ledger's own code, with REFUSED. */
  readonly reason?: string;
  readonly fields?: readonly FieldFault[];
  /** Milliseconds after which trying again makes sense, where that is known; becomes `Retry-After`. */
  readonly retryAfterMs?: number;
  /** Where it is not known: what is in the way takes a while, not moments. */
  readonly retry?: 'later';
  readonly limitBytes?: number;
  /** Methods that the address does have, with METHOD_NOT_ALLOWED; becomes `Allow`. */
  readonly allow?: readonly string[];
}

/** The one error class of this package. `message` says what happened and what to do. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly status: number;
  readonly ids: Readonly<Record<string, string | number>>;

  constructor(
    readonly code: GatewayErrorCode,
    message: string,
    readonly options: GatewayErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = table[code][0];
    this.ids = options.ids ?? {};
  }
}

/** The media type of RFC 9457. */
export const PROBLEM_TYPE = 'application/problem+json';

/** RFC 9457 problem details. `type` resolves to the code's entry in the reference. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: GatewayErrorCode;
  /** Names this occurrence: the request's id. */
  instance: string;
  ids?: Readonly<Record<string, string | number>>;
  reason?: string;
  fields?: readonly FieldFault[];
  limitBytes?: number;
}

/** Renders an error as the document that the client sees. An INTERNAL error's own message stays inside. */
export function toProblem(error: GatewayError, requestId: string): Problem {
  const { ids, reason, fields, limitBytes } = error.options;
  const [status, title, remedy] = table[error.code];
  return {
    type: `/api/docs/errors#${error.code}`,
    title,
    status,
    detail: status === 500 ? remedy : error.message,
    code: error.code,
    instance: `urn:prms:request:${requestId}`,
    ...(ids === undefined || status === 500 ? {} : { ids }),
    ...(reason === undefined ? {} : { reason }),
    ...(fields === undefined ? {} : { fields }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}

/** Turns a schema's complaint into VALIDATION with one entry a field. `place` is `body`, `query` or `params`. */
export function validationError(place: string, error: ZodError): GatewayError {
  const fields = error.issues.slice(0, 50).map((issue) => ({
    path: [place, ...issue.path.map(String)].join('.'),
    message: issue.message,
  }));
  const first = fields[0];
  const summary = first === undefined ? place : `${first.path}: ${first.message}`;
  return new GatewayError('VALIDATION', `The request does not fit: ${summary}`, { fields });
}
