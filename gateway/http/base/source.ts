// Where a request comes from, for whoever counts attempts: its address, and the device tokens that it shows.
import type { Request } from 'express';
import { addressGroup, type Source } from '../../accounts/index.js';
import { readDeviceTokens } from './cookies.js';

/**
 * The caller's address, as the trusted proxies tell it (`PRMS_TRUSTED_PROXY_HOPS`), and device tokens.
 * @param device the token that a program keeps and sends in its request's body
 */
export function sourceOf(request: Request, device?: string): Source {
  const address = addressGroup(request.ip);
  return {
    address,
    devices: [...(device === undefined ? [] : [device]), ...readDeviceTokens(request)],
  };
}
