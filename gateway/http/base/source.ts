// Where a request comes from, for whoever counts attempts, and which site it was sent to, for passkeys.
import type { Request } from 'express';
import { addressGroup, type Site, type Source } from '../../accounts/index.js';
import { GatewayError } from '../../errors.js';
import { readDeviceTokens } from './cookies.js';

/**
 * The caller's address, as the trusted proxies tell it (`PRMS_TRUSTED_PROXY_HOPS`), and device tokens.
 * @param device the token that a program keeps and sends in its request's body
 */
export function sourceOf(request: Request, device?: string): Source {
  const own = device === undefined ? [] : [device];
  return { address: addressGroup(request.ip), devices: [...own, ...readDeviceTokens(request)] };
}

/**
 * The site as the caller's browser sees it. Without a public origin it is what the Host header says: a passkey counts
 * only for the host that it was made for, so a made-up one gains nothing.
 * @throws GatewayError BAD_REQUEST
 */
export function siteOf({ headers }: Request, publicOrigin: string): Site {
  const address = publicOrigin === '' ? `http://${headers.host ?? ''}` : publicOrigin;
  if (!URL.canParse(address)) throw new GatewayError('BAD_REQUEST', 'The Host header is no host.');
  const { origin, hostname } = new URL(address);
  return { origin, rpId: hostname };
}
