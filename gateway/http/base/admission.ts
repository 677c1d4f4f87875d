// How many requests are worked on at one time: beyond that they are turned away before anything of them is read, which
// costs less than any work that could be begun for them.
import type { RequestHandler } from 'express';
import { GatewayError } from '../../errors.js';

/** Lets so many requests in; the next one is BUSY. */
export function admission(requestsAtOnce: number): RequestHandler {
  let present = 0;
  return (_request, response, next) => {
    if (present >= requestsAtOnce) {
      throw new GatewayError('BUSY', 'Too many requests are being answered.');
    }
    present++;
    response.once('close', () => present--);
    next();
  };
}
