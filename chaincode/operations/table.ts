// The one table of operation types. The compiler refuses a type that has arguments (model/arguments.ts) and no entry
// here; the named transactions and the batch entry are both made from it.

import { MAX_LIFE_MS, SHORT_LIFE_MS, type OperationType, type User } from '../model/index.js';
import { accesses } from './accesses.js';
import { affiliations } from './affiliations.js';
import { appointments } from './appointments.js';
import type { Definition } from './call.js';
import { consents } from './consents.js';
import { consultations } from './consultations.js';
import { keychange } from './keychange.js';
import { relations } from './relations.js';
import { reports } from './reports.js';
import { services } from './services.js';
import { users } from './users.js';

export const OPERATIONS: { readonly [T in OperationType]: Definition<T> } = {
  ...users,
  ...keychange,
  ...affiliations,
  ...services,
  ...relations,
  ...consents,
  ...reports,
  ...appointments,
  ...consultations,
  ...accesses,
};

/**
 * The longest life span that an operation may have, milliseconds.
 * @param args the type's arguments, or whatever came in their place
 * @param role the actor's, when they are registered. A relative's rights end on a day: what relatives sign lives
 * shortly, or it could be dated back to before that day
 */
export function lifeMsOf(
  type: OperationType,
  args: Readonly<Record<string, unknown>>,
  role?: User['role'],
): number {
  const { lifeMs = MAX_LIFE_MS } = OPERATIONS[type];
  const ofType = typeof lifeMs === 'number' ? lifeMs : lifeMs(args);
  // A registration rests on no link; and once it is applied it must get its first receipt again.
  const ofRole = role === 'relative' && type !== 'user:register' ? SHORT_LIFE_MS : MAX_LIFE_MS;
  return Math.min(ofType, ofRole);
}
