// What relatives may do for a patient.

import type { KinLink, KinRight, Patient, User } from '../model/index.js';
import { PERMIT, refuse, type Ruling } from './decision.js';

/** The relative's link that is in force, if there is one. */
export function activeKin(patient: Patient, relative: string, now: number): KinLink | undefined {
  return patient.kin.find(
    (k) =>
      k.relative === relative &&
      k.status === 'active' &&
      now < (k.notAfter ?? Number.POSITIVE_INFINITY),
  );
}

/** The patient, or a relative who holds the right (a guardian holds them all). */
export function actsForPatient(
  patient: Patient,
  actor: User,
  right: KinRight,
  now: number,
): Ruling {
  if (actor.id === patient.id) return PERMIT;
  if (actor.role !== 'relative') return refuse('NOT_OWNER');
  const rights = activeKin(patient, actor.id, now)?.rights ?? [];
  return rights.includes(right) || rights.includes('guardian') ? PERMIT : refuse('NO_KIN_RIGHT');
}

/** Only the patient or a guardian names relatives; a relative with `consent` can't hand that right on. */
export function mayManageKin(patient: Patient, actor: User, now: number): Ruling {
  return actsForPatient(patient, actor, 'guardian', now);
}

/** A guardian's right is for a child or an incapable patient: it comes with an end. */
export function soundRights(rights: readonly KinRight[], notAfter: number | undefined): Ruling {
  return rights.includes('guardian') && notAfter === undefined ? refuse('END_REQUIRED') : PERMIT;
}

/**
 * A guardian names other guardians, and relatives who consent, for no longer than they are guardian themselves: else their
 * own end would be none.
 */
export function withinOwnEnd(
  patient: Patient,
  actor: User,
  rights: readonly KinRight[],
  notAfter: number | undefined,
  now: number,
): Ruling {
  const ownEnd = actor.id === patient.id ? undefined : activeKin(patient, actor.id, now)?.notAfter;
  if (ownEnd === undefined || !holdsVault(rights)) return PERMIT;
  return (notAfter ?? Number.POSITIVE_INFINITY) > ownEnd ? refuse('END_REQUIRED') : PERMIT;
}

/** These rights come with the vault's key: without it nobody can wrap a report's key for a grantee. */
export function holdsVault(rights: readonly KinRight[]): boolean {
  return rights.includes('guardian') || rights.includes('consent');
}
