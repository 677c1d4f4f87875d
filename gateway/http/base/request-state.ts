// What the gateway remembers of a request while it is answered: its id, its route, when it began. Kept beside the
// request, not on it, so that it is typed and nobody else's middleware can change it.
import type { IncomingMessage } from 'node:http';
import type { Dialect } from './route.js';

export interface RequestState {
  readonly id: string;
  readonly startedAt: number;
  /** The route's template, once it is known: the only form of the address that is logged. */
  route: string;
  /** How its failures are told, when not as problem details. */
  dialect?: Dialect;
  /** Code of the error that was answered, if one was. */
  code?: string;
}

const states = new WeakMap<IncomingMessage, RequestState>();

export function beginRequest(request: IncomingMessage, state: RequestState): void {
  states.set(request, state);
}

/** The state of a request that came through the application. */
export function requestState(request: IncomingMessage): RequestState {
  const state = states.get(request);
  if (state === undefined) throw new Error('the request did not pass the first middleware');
  return state;
}
