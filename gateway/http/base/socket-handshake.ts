// Before a WebSocket is one: who asks, and how they are told no.

import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Session } from '../../accounts/index.js';
import { GatewayError, PROBLEM_TYPE, toProblem } from '../../errors.js';
import { assertSecondFactor, bearerToken, checkOrigin, type Door } from './authenticate.js';
import { readSessionCookie } from './cookies.js';
import { inSeconds, retryAfterMs, type RetryTimes } from './retry.js';

/** What a client offers in Sec-WebSocket-Protocol, and is answered; a browser adds `bearer.<token>`, which is not. */
export const SUBPROTOCOL = 'prms.v1';
const TOKEN_PREFIX = 'bearer.';

export interface Identity {
  readonly session: Session;
  /** Shown again with each frame, so that a session's end and its idle time hold for sockets, too. */
  readonly token: string;
}

/**
 * The session behind an upgrade. A token is never read from the address, which proxies log and browsers keep.
 * @throws GatewayError UNAUTHENTICATED | CSRF | SECOND_FACTOR_REQUIRED
 */
export async function identify(request: IncomingMessage, door: Door): Promise<Identity> {
  const { sessions, publicOrigin } = door;
  const bearer = bearerToken(request) ?? protocolToken(request);
  // Any page may open a WebSocket anywhere, and the browser adds the cookie: the Origin alone tells (RFC 6455 §10.2).
  if (bearer === undefined) {
    if (request.headers.origin === undefined && readSessionCookie(request) !== undefined)
      throw new GatewayError('CSRF', 'A cookie is taken together with an Origin header only.');
    checkOrigin(request, publicOrigin);
  }
  const token = bearer ?? readSessionCookie(request);
  const session = token === undefined ? undefined : await sessions.authenticate(token);
  if (token === undefined || session?.kind !== (bearer === undefined ? 'cookie' : 'bearer'))
    throw new GatewayError(
      'UNAUTHENTICATED',
      'Log in first: there is no session, or it has ended.',
    );
  await assertSecondFactor(session, door);
  return { session, token };
}

function protocolToken(request: IncomingMessage): string | undefined {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',');
  const found = offered.map((name) => name.trim()).find((name) => name.startsWith(TOKEN_PREFIX));
  return found?.slice(TOKEN_PREFIX.length);
}

/** Answers an upgrade with the problem document that a request would get, and hangs up. */
export function refuseUpgrade(
  socket: Duplex,
  error: GatewayError,
  requestId: string,
  times: RetryTimes,
): void {
  const body = JSON.stringify(toProblem(error, requestId));
  const waitMs = retryAfterMs(error, times);
  const headers = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}`,
    'Connection: close',
    'Cache-Control: no-store',
    `X-Request-Id: ${requestId}`,
    `Content-Type: ${PROBLEM_TYPE}; charset=utf-8`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(waitMs === undefined ? [] : [`Retry-After: ${inSeconds(waitMs)}`]),
    ...(error.status === 401 ? ['WWW-Authenticate: Bearer'] : []),
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`);
}
