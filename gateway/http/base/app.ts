// The Express application: request ids, security headers, log and metrics, health, reference, routes, problems.
import express from 'express';
import type { Express, RequestHandler } from 'express';
import type { Session } from '../../accounts/index.js';
import type { RandomBytes } from '../../ambient.js';
import { GatewayError } from '../../errors.js';
import type { Log } from '../../logging.js';
import type { Metrics } from '../../metrics.js';
import { admission } from './admission.js';
import type { Door } from './authenticate.js';
import { API_ROOT, mountRoutes } from './mount.js';
import { openApiDocument } from './openapi.js';
import type { OpenApiDocument } from './openapi.js';
import { problemHandler } from './problems.js';
import type { TranslateError } from './problems.js';
import { errorsReferencePage, referencePage, referenceStyle } from './reference-page.js';
import { beginRequest, requestState } from './request-state.js';
import type { RetryTimes } from './retry.js';
import type { LongKind, Route } from './route.js';
import { apiSecurity, staticPagePolicy } from './security.js';
import type { Lifecycle } from './server.js';

export interface AppOptions<Deps> extends Door {
  readonly routes: readonly Route<Deps>[];
  readonly deps: Deps;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly random: RandomBytes;
  readonly lifecycle: Lifecycle;
  readonly info: { readonly title: string; readonly version: string };
  readonly trustedProxyHops: number;
  readonly maxJsonBytes: number;
  readonly requestTimeoutMs: number;
  readonly longTimeoutsMs?: Readonly<Record<LongKind, number>>;
  /** Requests below `/api` that are answered at one time; beyond it the answer is BUSY. */
  readonly maxRequestsAtOnce: number;
  /** When those who are turned away may come again. */
  readonly retry: RetryTimes;
  /** What a session's user has to hear of; goes on every answer as `PRMS-Notice`. */
  readonly noticeOf?: (session: Session) => Promise<string | undefined>;
  /** What has to work for the gateway to be of use, by name; asked by `/readyz`. */
  readonly ready: () => Promise<Readonly<Record<string, boolean>>>;
  readonly translate?: TranslateError;
  /** Serves everything outside `/api`, `/healthz`, `/readyz` and `/metrics`, with security headers of its own. */
  readonly web?: RequestHandler;
}

/** Builds the application. Nothing listens yet. */
export function createApp<Deps>(options: AppOptions<Deps>): Express {
  const { log, metrics, lifecycle, publicOrigin, web } = options;
  const document = openApiDocument(options.routes, options.info);
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.set('query parser', 'simple').set('trust proxy', options.trustedProxyHops);
  app.use(observe(options.random, lifecycle, log, metrics));
  app.use(
    ['/api', '/healthz', '/readyz', '/metrics'],
    apiSecurity(publicOrigin.startsWith('https:')),
    noStore,
  );
  mountHealth(app, options);
  app.use('/api', admission(options.maxRequestsAtOnce));
  mountReference(app, document);
  mountRoutes(app, options.routes, options);
  if (web !== undefined) app.use(/^\/(?!api(\/|$))/, web);
  app.use(() => {
    throw new GatewayError('NOT_FOUND', 'There is nothing at this address.');
  });
  app.use(problemHandler(log, options.retry, options.translate));
  return app;
}

/** Names the request, and logs and counts it when its answer is out or its connection is gone. */
function observe(
  random: RandomBytes,
  lifecycle: Lifecycle,
  log: Log,
  metrics: Metrics,
): RequestHandler {
  return (request, response, next) => {
    const id = Buffer.from(random(12)).toString('base64url');
    const state = { id, startedAt: performance.now(), route: 'unmatched' };
    beginRequest(request, state);
    response.set('X-Request-Id', id);
    if (lifecycle.draining) response.set('Connection', 'close');
    response.once('close', () => {
      const { route, code } = requestState(request);
      const durationMs = Math.round((performance.now() - state.startedAt) * 100) / 100;
      const status = response.writableFinished ? response.statusCode : 499;
      metrics.httpRequest(request.method, route, status, durationMs);
      log.info('request.done', {
        requestId: id,
        method: request.method,
        route,
        status,
        durationMs,
        code,
      });
    });
    next();
  };
}

const noStore: RequestHandler = (_request, response, next) => {
  response.set('Cache-Control', 'no-store');
  next();
};

function mountHealth<Deps>(app: Express, { ready, metrics, lifecycle }: AppOptions<Deps>): void {
  app.get('/healthz', (request, response) => {
    requestState(request).route = '/healthz';
    response.json({ status: 'ok' });
  });
  app.get('/readyz', async (request, response) => {
    requestState(request).route = '/readyz';
    const checks = { ...(await ready()), accepting: !lifecycle.draining };
    const isReady = Object.values(checks).every((works) => works);
    response.status(isReady ? 200 : 503).json({ status: isReady ? 'ready' : 'not ready', checks });
  });
  app.get('/metrics', async (request, response) => {
    requestState(request).route = '/metrics';
    const { contentType, text } = await metrics.render();
    response.set('Content-Type', contentType).send(text);
  });
}

function mountReference(app: Express, document: OpenApiDocument): void {
  const policy = staticPagePolicy(referenceStyle);
  const pages: [path: string, html: string][] = [
    ['/api/docs', referencePage(document)],
    ['/api/docs/errors', errorsReferencePage()],
  ];
  for (const [path, html] of pages) {
    app.get(path, (request, response) => {
      requestState(request).route = path;
      response.set('Content-Security-Policy', policy).type('html').send(html);
    });
  }
  app.get(`${API_ROOT}/openapi.json`, (request, response) => {
    requestState(request).route = `${API_ROOT}/openapi.json`;
    response.json(document);
  });
}
