// The cookies: httpOnly, SameSite=Strict, Secure when browsers reach the gateway by https (RFC 6265bis).
import type { IncomingMessage } from 'node:http';
import type { CookieOptions, Response } from 'express';

export const SESSION_COOKIE = 'prms_session';
/** Device tokens, joined by dots: several people may use one browser. They open nothing. */
export const DEVICE_COOKIE = 'prms_device';

const MOST_DEVICE_TOKENS = 8;
const DEVICE_COOKIE_MS = 365 * 24 * 60 * 60_000;

const flags = (secure: boolean): CookieOptions => ({
  httpOnly: true,
  sameSite: 'strict',
  secure,
  path: '/',
});

/** Sets the cookie to a token; `null` clears it. The session's own time-outs end it, not the cookie's. */
export function setSessionCookie(response: Response, token: string | null, secure: boolean): void {
  if (token === null) response.clearCookie(SESSION_COOKIE, flags(secure));
  else response.cookie(SESSION_COOKIE, token, flags(secure));
}

/** Puts a device token before those that the browser has. */
export function setDeviceCookie(response: Response, token: string, secure: boolean): void {
  const others = readDeviceTokens(response.req).filter((other) => other !== token);
  const value = [token, ...others].slice(0, MOST_DEVICE_TOKENS).join('.');
  response.cookie(DEVICE_COOKIE, value, { ...flags(secure), maxAge: DEVICE_COOKIE_MS });
}

/** The session token that a browser sent, if it sent one. */
export function readSessionCookie(request: IncomingMessage): string | undefined {
  return readCookie(request, SESSION_COOKIE);
}

/** The device tokens that a browser sent. */
export function readDeviceTokens(request: IncomingMessage): string[] {
  const value = readCookie(request, DEVICE_COOKIE) ?? '';
  return value === '' ? [] : value.split('.', MOST_DEVICE_TOKENS);
}

function readCookie(request: IncomingMessage, name: string): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}
