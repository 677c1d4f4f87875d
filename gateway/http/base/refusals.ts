// What a route may be refused with. Most of it follows from what the route is: who may call it, what it takes, whether it
// changes something. The rest each route says itself. An answer of another status is a fault, which tests find.
import { gatewayErrorRows, type GatewayErrorCode, type GatewayErrorRow } from '../../errors.js';
import type { Route } from './route.js';

/** Before a route is even looked at, or while it works. */
const EVERYWHERE: readonly GatewayErrorCode[] = [
  'BAD_REQUEST',
  'UNAUTHENTICATED',
  'REQUEST_TIMEOUT',
  'INTERNAL',
  'STORE_DAMAGED',
  'STORE_UNAVAILABLE',
  'BUSY',
  'LEDGER_UNAVAILABLE',
  'SHUTTING_DOWN',
  'TIMEOUT',
];

const OF_SESSIONS: readonly GatewayErrorCode[] = [
  'FORBIDDEN',
  'SECOND_FACTOR_REQUIRED',
  'KEYS_LOCKED',
  'KEYS_ELSEWHERE',
];

/** Whoever changes something mostly does so by a signed operation. */
const OF_CHANGES: readonly GatewayErrorCode[] = [
  'CSRF',
  'REFUSED',
  'NOT_FOUND',
  'CONFLICT',
  'COMMIT_TIMEOUT',
];

/** In the order of the table of errors. */
export function refusalsOf<Deps>(route: Route<Deps>): readonly GatewayErrorRow[] {
  const { auth, method, params, query, freshLogin, refusals = [] } = route;
  const takes = route.body ?? route.upload ?? route.lines ?? route.raw;
  const isSession = auth === 'session';
  const changes = method !== 'get';
  const codes = new Set<GatewayErrorCode>([
    ...EVERYWHERE,
    ...(isSession ? OF_SESSIONS : []),
    ...(isSession && changes ? OF_CHANGES : []),
    ...(auth === 'none' && changes ? (['CSRF'] as const) : []),
    ...(freshLogin === true ? (['FRESH_LOGIN_REQUIRED'] as const) : []),
    ...(params ? (['NOT_FOUND', 'VALIDATION'] as const) : []),
    ...(query ? (['VALIDATION'] as const) : []),
    ...(takes ? (['VALIDATION', 'TOO_LARGE', 'UNSUPPORTED_MEDIA'] as const) : []),
    ...refusals,
  ]);
  return gatewayErrorRows.filter(({ code }) => codes.has(code));
}
