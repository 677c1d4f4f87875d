// Routes of this gateway are defined with this.

import type { Session } from '../../accounts/index.js';
import type { Actor } from '../../services/actor.js';
import type { Services } from '../../services/index.js';
import { routeDefiner } from '../base/index.js';

export const defineRoute = routeDefiner<Services>();

/** The caller, with their unlocked keys. @throws GatewayError KEYS_LOCKED */
export function actorOf({
  deps,
  session,
}: {
  readonly deps: Services;
  readonly session: Session;
}): Actor {
  return deps.logins.actor(session);
}
