// The one table of operation types. The compiler refuses a type that has arguments (model/arguments.ts) and no entry
// here; the named transactions and the batch entry are both made from it.

import { MAX_LIFE_MS, type OperationType } from '../model/index.js';
import { accesses } from './accesses.js';
import { affiliations } from './affiliations.js';
import { appointments } from './appointments.js';
import type { Definition } from './call.js';
import { consents } from './consents.js';
import { consultations } from './consultations.js';
import { keychange } from './keychange.js';
import { relations } from './relations.js';
import { reports } from './reports.js';
import { users } from './users.js';

export const OPERATIONS: { readonly [T in OperationType]: Definition<T> } = {
  ...users,
  ...keychange,
  ...affiliations,
  ...relations,
  ...consents,
  ...reports,
  ...appointments,
  ...consultations,
  ...accesses,
};

/** The longest life span that an operation of a type may have, milliseconds. */
export function lifeMsOf(type: OperationType): number {
  return OPERATIONS[type].lifeMs ?? MAX_LIFE_MS;
}
