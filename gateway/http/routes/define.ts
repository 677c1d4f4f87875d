// Routes of this gateway are defined with this.

import type { Session } from '../../accounts/index.js';
import type { Actor } from '../../services/actor.js';
import { GatewayError } from '../../errors.js';
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

/**
 * The caller, who counts as hospital or auditor only once the consortium has admitted them: anybody can register as one.
 * @throws GatewayError KEYS_LOCKED | FORBIDDEN
 */
export async function admittedActorOf(context: {
  readonly deps: Services;
  readonly session: Session;
}): Promise<Actor> {
  const actor = actorOf(context);
  if (actor.role !== 'hospital' && actor.role !== 'auditor') return actor;
  const user = await context.deps.records.user(actor.userId);
  if ('admitted' in user && user.admitted) return actor;
  throw new GatewayError('FORBIDDEN', 'The hospitals have not admitted this account yet.');
}
