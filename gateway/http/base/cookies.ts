// The session cookie: httpOnly, SameSite=Strict, Secure when browsers reach the gateway by https (RFC 6265bis).
import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';

export const SESSION_COOKIE = 'prms_session';

/** Sets the cookie to a token; `null` clears it. The session's own time-outs end it, not the cookie's. */
export function setSessionCookie(response: Response, token: string | null, secure: boolean): void {
  const options = { httpOnly: true, sameSite: 'strict', secure, path: '/' } as const;
  if (token === null) response.clearCookie(SESSION_COOKIE, options);
  else response.cookie(SESSION_COOKIE, token, options);
}

/** The session token that a browser sent, if it sent one. */
export function readSessionCookie(request: IncomingMessage): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === SESSION_COOKIE) return pair.slice(at + 1).trim();
  }
  return undefined;
}
