// Puts routes on Express: authentication, body, schemas, handler, answer, in this order, within a time limit.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Express, Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import type { Session } from '../../accounts/index.js';
import { GatewayError } from '../../errors.js';
import { authenticate, authenticateService, type Door } from './authenticate.js';
import { readJsonBody } from './body.js';
import { setDeviceCookie, setSessionCookie } from './cookies.js';
import { requestState } from './request-state.js';
import { NDJSON } from './lines.js';
import type { AnyAnswer, LongKind, Route } from './route.js';

/** Where the routes' paths begin. */
export const API_ROOT = '/api/v1';

export interface MountOptions<Deps> extends Door {
  readonly deps: Deps;
  readonly maxJsonBytes: number;
  readonly requestTimeoutMs: number;
  readonly longTimeoutsMs?: Readonly<Record<LongKind, number>>;
  /** What the session's user has to hear of, for the header on every answer. */
  readonly noticeOf?: ((session: Session) => Promise<string | undefined>) | undefined;
}

/** The header that every answer to a session carries while its user has something to hear of. */
const NOTICE_HEADER = 'PRMS-Notice';

/** Mounts every route under `/api/v1`; another method at a route's path is METHOD_NOT_ALLOWED. */
export function mountRoutes<Deps>(
  app: Express,
  routes: readonly Route<Deps>[],
  options: MountOptions<Deps>,
): void {
  const byPath = new Map<string, Route<Deps>[]>();
  for (const route of routes) byPath.set(route.path, [...(byPath.get(route.path) ?? []), route]);
  // A word goes before a parameter in its place, for every method: else `DELETE /x/options` would be taken for `/x/{id}`.
  const paths = [...byPath.keys()].sort((a, b) => (sortable(a) < sortable(b) ? -1 : 1));
  for (const template of paths) {
    const path = expressPath(template);
    const allow: string[] = [];
    for (const route of byPath.get(template) ?? []) {
      const method = route.method.toUpperCase();
      if (allow.includes(method)) throw new TypeError(`${method} ${route.path} is defined twice`);
      allow.push(method);
      app[route.method](path, routeHandler(route, options));
    }
    app.all(path, (request) => {
      requestState(request).route = API_ROOT + template;
      throw new GatewayError('METHOD_NOT_ALLOWED', `Use ${allow.join(' or ')} here.`, { allow });
    });
  }
}

/** Parameters last among what can stand in one place. */
const sortable = (path: string): string => path.replaceAll('{', '\uffff');
const expressPath = (path: string): string => API_ROOT + path.replace(/\{([a-zA-Z]+)\}/g, ':$1');

function routeHandler<Deps>(route: Route<Deps>, options: MountOptions<Deps>): RequestHandler {
  return async (request, response) => {
    const state = requestState(request);
    state.route = API_ROOT + route.path;
    if (route.dialect !== undefined) state.dialect = route.dialect;
    const long = route.takesLong && options.longTimeoutsMs?.[route.takesLong];
    const timeoutMs = route.timeoutMs ?? long ?? options.requestTimeoutMs;
    await withinTime(request, response, timeoutMs, (signal) =>
      answer(route, options, request, response, signal),
    );
  };
}

async function answer<Deps>(
  route: Route<Deps>,
  options: MountOptions<Deps>,
  request: Request,
  response: Response,
  signal: AbortSignal,
): Promise<void> {
  const { deps, publicOrigin, noticeOf } = options;
  const isForSystems = route.auth === 'service';
  const caller = isForSystems ? await authenticateService(request, options.systems) : undefined;
  const recognised = async (session: Session): Promise<void> => {
    const notice = await noticeOf?.(session);
    if (notice !== undefined) response.set(NOTICE_HEADER, notice);
  };
  const visitor: Session | undefined = isForSystems
    ? undefined
    : await authenticate(request, route, options, recognised);
  const limitBytes = route.bodyLimitBytes ?? options.maxJsonBytes;
  const body =
    route.body === undefined
      ? undefined
      : await readJsonBody(request, response, limitBytes, route.dialect?.contentType);
  const { params, query } = request;
  const { id: requestId } = requestState(request);
  const result = await route.run({
    deps,
    params,
    query,
    body,
    visitor,
    caller,
    requestId,
    signal,
    request,
  });
  if (!signal.aborted)
    await sendAnswer(route, response, result, publicOrigin.startsWith('https:'), signal);
}

async function sendAnswer<Deps>(
  route: Route<Deps>,
  response: Response,
  result: AnyAnswer,
  secure: boolean,
  signal: AbortSignal,
): Promise<void> {
  const spec = route.responses[result.status];
  if (spec === undefined) {
    throw new GatewayError('INTERNAL', `${route.path} answered with an undocumented status.`);
  }
  // Parsed before anything is sent: an answer that does not fit its schema must not be half out.
  const text =
    spec.kind === 'json' ? JSON.stringify(await spec.schema.parseAsync(result.body)) : '';
  response.status(result.status);
  for (const [name, value] of Object.entries(result.headers ?? {})) response.set(name, value);
  if (result.sessionCookie !== undefined) setSessionCookie(response, result.sessionCookie, secure);
  if (result.deviceCookie !== undefined) setDeviceCookie(response, result.deviceCookie, secure);
  if (spec.kind === 'bytes') {
    response.set('Content-Type', result.contentType ?? 'application/octet-stream');
    await sendBytes(response, result.bytes ?? new Uint8Array(0), signal);
  } else if (spec.kind === 'lines') {
    response.set('Content-Type', NDJSON);
    await sendBytes(response, linesOf(spec.schema, result.lines), signal);
  } else if (spec.kind === 'json') {
    const type = route.dialect?.contentType ?? 'application/json';
    response.set('Content-Type', `${type}; charset=utf-8`).send(text);
  } else {
    response.end();
  }
}

async function* linesOf(
  schema: z.ZodType,
  handfuls: AsyncIterable<readonly unknown[]> = Readable.from([]),
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const handful of handfuls) {
    const text = handful.map((line) => `${JSON.stringify(schema.parse(line))}\n`).join('');
    yield Buffer.from(text, 'utf8');
  }
}

async function sendBytes(
  response: Response,
  source: Uint8Array | AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  if (source instanceof Uint8Array) {
    response.set('Content-Length', String(source.length)).end(source);
    return;
  }
  // The first chunk is awaited before the answer begins: a source that fails at once still gives a problem document.
  const chunks = source[Symbol.asyncIterator]();
  const first = await chunks.next();
  try {
    await pipeline(Readable.from(continued(first, chunks), { objectMode: false }), response, {
      signal,
    });
  } catch (error) {
    // A reader that went away is no failure of ours, and a time-out is told by whoever set it.
    if (signal.aborted || isPrematureClose(error)) return;
    throw error;
  }
}

async function* continued(
  first: IteratorResult<Uint8Array, unknown>,
  chunks: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (let next = first; next.done !== true; next = await chunks.next()) yield next.value;
  } finally {
    await chunks.return?.();
  }
}

const isPrematureClose = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';

/** Runs `work` with a signal that aborts when the caller is gone or the time is over; then says which. */
async function withinTime(
  request: Request,
  response: Response,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const abort = new AbortController();
  const onClose = (): void => {
    if (!response.writableFinished)
      abort.abort(new GatewayError('REQUEST_TIMEOUT', 'The caller went away.'));
  };
  response.once('close', onClose);
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = request.complete
        ? new GatewayError('TIMEOUT', 'This took too long: ask again, the work may have been done.')
        : new GatewayError('REQUEST_TIMEOUT', 'The request’s body did not arrive in time.');
      reject(error);
      abort.abort(error);
    }, timeoutMs);
  });
  const done = work(abort.signal);
  // When the time is over first, what the work says later interests nobody.
  done.catch(() => undefined);
  try {
    await Promise.race([done, expiry]);
  } finally {
    clearTimeout(timer);
    response.off('close', onClose);
  }
}
