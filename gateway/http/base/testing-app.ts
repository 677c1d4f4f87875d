// A small application over the base, for its tests: one route for each thing that a route can do.
import type { Server } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';
import { Sessions } from '../../accounts/index.js';
import type { AccountRole, SessionKind } from '../../accounts/index.js';
import { CloudError } from '../../clouds/index.js';
import { GatewayError } from '../../errors.js';
import { createLog } from '../../logging.js';
import { Metrics } from '../../metrics.js';
import { openStore } from '../../store/index.js';
import { ManualClock, seededRandom, temporaryFolder } from '../../testing/index.js';
import { KeyRing } from '../../vault/index.js';
import {
  bytes,
  closeServer,
  createApp,
  empty,
  json,
  Lifecycle,
  listen,
  openApiDocument,
  routeDefiner,
} from './index.js';
import type { AppOptions, OpenApiDocument } from './index.js';

const MINUTE = 60_000;

/** What the sample handlers work with. */
export interface SampleDeps {
  readonly sessions: Sessions;
  /** What happened inside, for a test to look at. */
  readonly seen: string[];
  readonly release: Promise<void>;
}

const defineRoute = routeDefiner<SampleDeps>();
const note = z.object({ id: z.string(), text: z.string() });

export const sampleRoutes = [
  defineRoute({
    method: 'get',
    path: '/notes/{noteId}',
    summary: 'One note',
    tags: ['notes'],
    auth: 'none',
    params: z.object({ noteId: z.string().max(8) }),
    query: z.object({ times: z.coerce.number().int().min(1).max(3).default(1) }),
    responses: { 200: json(note, 'The note.') },
    handler: ({ params, query }) => {
      if (params.noteId === 'none')
        throw new GatewayError('NOT_FOUND', 'No such note.', { ids: { note: 'none' } });
      if (params.noteId === 'crash') throw new Error('inner secret 4711');
      if (params.noteId === 'cloud') throw new CloudError('TIMEOUT', 'silent');
      const secret = { id: params.noteId, text: 'x'.repeat(query.times), password: 'hunter2' };
      return { status: 200, body: secret };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/notes',
    summary: 'A new note',
    tags: ['notes'],
    auth: 'session',
    body: z.strictObject({ text: z.string().min(1), tags: z.array(z.string()).optional() }),
    responses: { 201: json(note, 'It was kept.'), 204: empty('It was empty after all.') },
    handler: ({ body, session }) =>
      body.text === 'nothing'
        ? { status: 204 }
        : {
            status: 201,
            body: { id: session.userId, text: body.text },
            headers: { Location: '/x' },
          },
  }),
  defineRoute({
    method: 'delete',
    path: '/notes/{noteId}',
    summary: 'Remove a note',
    description: 'For doctors that gave their password.',
    tags: ['notes'],
    auth: 'session',
    roles: ['doctor'],
    freshLogin: true,
    params: z.object({ noteId: z.string() }),
    responses: { 204: empty('It is gone.') },
    handler: () => ({ status: 204 }),
  }),
  defineRoute({
    method: 'post',
    path: '/sessions',
    summary: 'Log in',
    tags: ['sessions'],
    auth: 'none',
    responses: { 201: json(z.object({ csrfToken: z.string() }), 'Logged in.') },
    handler: async ({ deps }) => {
      const { token, session } = await deps.sessions.start({
        userId: 'user-1',
        role: 'patient',
        kind: 'cookie',
      });
      return {
        status: 201,
        body: { csrfToken: deps.sessions.csrfToken(session) },
        sessionCookie: token,
      };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/sessions/current',
    summary: 'Log out',
    tags: ['sessions'],
    auth: 'session',
    responses: { 204: empty('Logged out.') },
    handler: async ({ deps, session }) => {
      await deps.sessions.end(session.id);
      return { status: 204, sessionCookie: null };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/streams/{kind}',
    summary: 'Bytes',
    tags: ['streams'],
    auth: 'none',
    params: z.object({
      kind: z.enum(['whole', 'chunks', 'fails-at-once', 'fails-later', 'endless']),
    }),
    responses: { 200: bytes(['application/octet-stream'], 'The bytes.') },
    handler: ({ params, deps }) => {
      const contentType = 'application/octet-stream';
      if (params.kind === 'whole') return { status: 200, bytes: Buffer.from('abc'), contentType };
      return { status: 200, bytes: sampleStream(params.kind, deps.seen), contentType };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/slow',
    summary: 'Slow',
    tags: ['streams'],
    auth: 'none',
    timeoutMs: 400,
    responses: { 200: json(z.object({ done: z.boolean() }), 'Done.') },
    handler: async ({ deps, signal }) => {
      deps.seen.push('begun');
      signal.addEventListener('abort', () => deps.seen.push('aborted'));
      await deps.release;
      return { status: 200, body: { done: true } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/liar',
    summary: 'An answer that breaks its schema',
    tags: ['streams'],
    auth: 'none',
    responses: { 200: json(z.object({ n: z.number().max(1) }), 'A small number.') },
    handler: () => ({ status: 200, body: { n: 2 } }),
  }),
] as const;

async function* sampleStream(
  kind: string,
  seen: string[],
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (kind === 'fails-at-once') throw new CloudError('CHECKSUM', 'not what was stored');
    for (let n = 0; kind === 'endless' || n < 3; n += 1) {
      yield await Promise.resolve(Buffer.from(`chunk ${n};`));
      if (kind === 'fails-later') throw new CloudError('CHECKSUM', 'not what was stored');
      if (kind === 'endless') await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    seen.push('let go');
  }
}

export interface SampleServer {
  readonly server: Server;
  readonly url: string;
  readonly port: number;
  readonly document: OpenApiDocument;
  readonly clock: ManualClock;
  readonly sessions: Sessions;
  readonly seen: string[];
  readonly logged: string[];
  /** Lets `/slow` finish. */
  readonly release: () => void;
  readonly token: (
    role: AccountRole,
    kind: SessionKind,
  ) => Promise<{ token: string; csrf: string }>;
  /** Stops the server. @returns whether all requests finished in time */
  readonly stop: (graceMs?: number) => Promise<boolean>;
}

/** Starts the sample application on a free port. */
export async function startSample(
  changes: Partial<AppOptions<SampleDeps>> = {},
): Promise<SampleServer> {
  const folder = await temporaryFolder();
  const store = await openStore(join(folder.path, 'store'));
  const clock = new ManualClock();
  const random = seededRandom('app');
  const sessions = new Sessions({
    store,
    clock,
    random,
    csrfKey: random(32),
    limits: {
      idleMs: 60 * MINUTE,
      absoluteMs: { cookie: 60 * MINUTE, bearer: 60 * MINUTE },
      freshMs: MINUTE,
      touchEveryMs: 30_000,
      skewMs: 120_000,
      perAccount: 20,
    },
    keyRing: new KeyRing(clock, { idleMs: MINUTE, absoluteMs: MINUTE, sessions: 10 }),
  });
  const seen: string[] = [];
  const logged: string[] = [];
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const lifecycle = new Lifecycle();
  const info = { title: 'Sample', version: '1.2.3' };
  const app = createApp<SampleDeps>({
    routes: sampleRoutes,
    deps: { sessions, seen, release: released },
    sessions,
    log: createLog({
      level: 'debug',
      destination: { write: (line: string) => void logged.push(line) },
    }),
    metrics: new Metrics(),
    random,
    lifecycle,
    info,
    publicOrigin: '',
    lacksSecondFactor: () => Promise.resolve(false),
    trustedProxyHops: 0,
    maxJsonBytes: 1024,
    requestTimeoutMs: 5000,
    maxRequestsAtOnce: 20,
    retry: { retrySoonMs: 1000, retryLaterMs: 5000 },
    ready: () => Promise.resolve({ store: true }),
    ...changes,
  });
  const { server, port } = await listen(app, {
    host: '127.0.0.1',
    port: 0,
    longestRequestMs: 10_000,
    headersTimeoutMs: 20_000,
    keepAliveTimeoutMs: 5000,
    maxHeaderBytes: 16_384,
    maxHeaders: 100,
  });
  return {
    server,
    url: `http://127.0.0.1:${port}`,
    port,
    document: openApiDocument(sampleRoutes, info),
    clock,
    sessions,
    seen,
    logged,
    release: () => release(),
    token: async (role, kind) => {
      const { token, session } = await sessions.start({ userId: 'user-1', role, kind });
      return { token, csrf: sessions.csrfToken(session) };
    },
    stop: async (graceMs = 500) => {
      const inTime = await closeServer(server, lifecycle, graceMs);
      await store.close();
      await folder.remove();
      return inTime;
    },
  };
}
