// Who is calling, and whether a browser was tricked into it: bearer token or session cookie, CSRF token, Origin.
import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import type { Session, Sessions } from '../../accounts/index.js';
import { GatewayError } from '../../errors.js';
import { readSessionCookie } from './cookies.js';
import type { RouteFacts, ServiceCaller } from './route.js';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What it takes to know a caller. */
export interface Door {
  readonly sessions: Sessions;
  /** The gateway's own origin; empty: judged by the Host header. */
  readonly publicOrigin: string;
  /** Whether somebody requires a second factor of this session's user, and the session began without one. */
  readonly lacksSecondFactor: (session: Session) => Promise<boolean>;
  /** The system whose token this is. Without it, routes for systems are closed. */
  readonly systems?: (token: string) => Promise<ServiceCaller | undefined>;
}

/**
 * The caller's session, or `undefined` on an open route without one.
 * @param recognised is told of the session before anything is refused
 * @throws GatewayError UNAUTHENTICATED | FORBIDDEN | SECOND_FACTOR_REQUIRED | FRESH_LOGIN_REQUIRED | CSRF
 */
export async function authenticate(
  request: Request,
  route: Pick<RouteFacts, 'auth' | 'roles' | 'freshLogin' | 'withoutSecondFactor'>,
  door: Door,
  recognised?: (session: Session) => Promise<void>,
): Promise<Session | undefined> {
  const { sessions, publicOrigin } = door;
  const bearer = bearerToken(request);
  // A program that sends its token by itself can't be tricked; a browser adds its cookie to anybody's request.
  if (bearer === undefined && !SAFE_METHODS.has(request.method)) checkOrigin(request, publicOrigin);
  const token = bearer ?? readSessionCookie(request);
  const found = token === undefined ? undefined : await sessions.authenticate(token);
  // A cookie's token is no bearer token and the other way round: stealing one must not give the other's freedoms.
  const session = found?.kind === (bearer === undefined ? 'cookie' : 'bearer') ? found : undefined;
  if (session) await recognised?.(session);
  if (route.auth === 'none') return session;
  if (session === undefined)
    throw new GatewayError(
      'UNAUTHENTICATED',
      'Log in first: there is no session, or it has ended.',
    );
  if (session.kind === 'cookie' && !SAFE_METHODS.has(request.method)) {
    const csrf = request.headers['x-csrf-token'];
    if (!sessions.checkCsrf(session, typeof csrf === 'string' ? csrf : undefined)) {
      throw new GatewayError(
        'CSRF',
        'The x-csrf-token header is missing or belongs to another session.',
      );
    }
  }
  if (route.roles !== undefined && !route.roles.includes(session.role)) {
    throw new GatewayError('FORBIDDEN', `This is for the role ${route.roles.join(' or ')}.`);
  }
  if (route.withoutSecondFactor !== true) await assertSecondFactor(session, door);
  if (route.freshLogin === true && !sessions.isFresh(session)) {
    throw new GatewayError('FRESH_LOGIN_REQUIRED', 'Give the password again for this.');
  }
  return session;
}

/** @throws GatewayError SECOND_FACTOR_REQUIRED */
export async function assertSecondFactor(
  session: Session,
  { lacksSecondFactor }: Pick<Door, 'lacksSecondFactor'>,
): Promise<void> {
  if (!(await lacksSecondFactor(session))) return;
  throw new GatewayError(
    'SECOND_FACTOR_REQUIRED',
    'Your hospital requires a second factor: enrol one, or log in with the one that you have.',
  );
}

/**
 * The calling system, on a route for systems. Its token comes in the Authorization header only, so no page can make a
 * browser send it; and no session counts here, whoever's it is.
 * @throws GatewayError UNAUTHENTICATED
 */
export async function authenticateService(
  request: Request,
  known: ((token: string) => Promise<ServiceCaller | undefined>) | undefined,
): Promise<ServiceCaller> {
  const token = bearerToken(request);
  const caller = token === undefined ? undefined : await known?.(token);
  if (caller !== undefined) return caller;
  throw new GatewayError('UNAUTHENTICATED', 'Send the token of a service account of this gateway.');
}

/** The token of an Authorization header. @throws GatewayError UNAUTHENTICATED when the header is something else */
export function bearerToken(request: IncomingMessage): string | undefined {
  const header = request.headers.authorization;
  if (header === undefined) return undefined;
  const match = /^Bearer +([A-Za-z0-9_-]+)$/i.exec(header);
  if (match?.[1] === undefined) {
    throw new GatewayError('UNAUTHENTICATED', 'The Authorization header must be “Bearer <token>”.');
  }
  return match[1];
}

/** Refuses what another site's page caused (Fetch metadata; RFC 6454 origin), when the browser says where it is from. */
export function checkOrigin(request: IncomingMessage, publicOrigin: string): void {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const foreignSite = site === 'cross-site' || site === 'same-site';
  const foreignOrigin = origin !== undefined && !isOwnOrigin(origin, publicOrigin, host);
  if (foreignSite || foreignOrigin) {
    throw new GatewayError('CSRF', 'This request comes from another site’s page.');
  }
}

function isOwnOrigin(origin: string, publicOrigin: string, host: string | undefined): boolean {
  if (publicOrigin !== '') return origin === publicOrigin;
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  return url !== undefined && host !== undefined && url.host === host;
}
