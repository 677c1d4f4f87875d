// The facts that a rule needs, gathered from the ledger: so that a page can say what is allowed before anybody asks, and
// an upload is refused before it has cost anything. The ledger decides again, and its word counts.

import {
  REFUSALS,
  type Access,
  type AccessOutcome,
  type Action,
  type Affiliation,
  type Hospital,
  type Patient,
  type Purpose,
  type Report,
  type User,
} from '@prms/chaincode';
import {
  activeKin,
  decideAccess,
  mayAnchor,
  standsFor,
  type AccessFacts,
} from '@prms/chaincode/rules';
import { GatewayError } from '../errors.js';
import type { Actor } from './actor.js';
import type { Records } from './records.js';

export interface Wish {
  readonly action: Action;
  readonly purpose: Purpose;
  readonly actingFor?: string | undefined;
}

/** Everything but the report. */
export type Standing = Omit<AccessFacts, 'report' | 'emergency'>;

export async function standingOf(
  records: Records,
  actor: Pick<Actor, 'userId'>,
  patient: Patient,
  actingFor: string | undefined,
): Promise<Standing> {
  return { patient, ...(await footingOf(records, actor, actingFor)) };
}

/** The same, whoever the patient is. */
export async function footingOf(
  records: Records,
  actor: Pick<Actor, 'userId'>,
  actingFor: string | undefined,
): Promise<Omit<Standing, 'patient'>> {
  const user = await records.user(actor.userId);
  const acts = user.role === 'doctor' || user.role === 'service';
  if (actingFor === undefined || !acts) return { actor: user };
  const [affiliation, hospital] = await Promise.all([
    user.role === 'doctor'
      ? orNull<Affiliation>(records.affiliation(actingFor, actor.userId))
      : null,
    orNull<User>(records.user(actingFor)),
  ]);
  return { actor: user, affiliation, hospital: asHospital(hospital) };
}

/** The hospital that somebody acts for, when they may: admitted, and they are one of its doctors. */
export function hospitalOf(standing: Standing, actingFor: string | undefined): string | undefined {
  return standsFor(standing.actor, actingFor, standing).permit ? actingFor : undefined;
}

/** What the ledger would say to a request to read, now. */
export function foresee(
  standing: Standing,
  report: Report,
  wish: Wish,
  now: number,
  emergency: Access | null = null,
): AccessOutcome {
  return decideAccess({ ...wish, now }, { ...standing, report, emergency });
}

/** May this person add a report, as they stand now? @throws GatewayError REFUSED with the rule's code */
export async function mustBeAllowedToAdd(
  records: Records,
  actor: Pick<Actor, 'userId'>,
  patient: Patient,
  actingFor: string | undefined,
): Promise<void> {
  const standing = await standingOf(records, actor, patient, actingFor);
  const ruling = mayAnchor({ ...standing, report: null }, actingFor, records.now());
  if (ruling.permit) return;
  throw new GatewayError('REFUSED', `This report may not be added. ${REFUSALS[ruling.code]}`, {
    reason: ruling.code,
    ids: { patient: patient.id },
  });
}

/**
 * Does this person stand near enough to the patient to see that reports exist? What they may read is another question.
 * @param hospital for which they act by right: what was granted to it counts as theirs
 */
export function standsNear(
  patient: Patient,
  actor: Actor,
  now: number,
  hospital?: string,
): boolean {
  return (
    actor.userId === patient.id ||
    actor.role === 'auditor' ||
    activeKin(patient, actor.userId, now) !== undefined ||
    patient.care.some(
      (care) =>
        (care.doctor === actor.userId || care.hospital === actor.userId) &&
        care.status === 'approved',
    ) ||
    patient.consents.some(
      ({ status, terms }) =>
        status === 'active' &&
        terms.effect === 'permit' &&
        now < (terms.notAfter ?? Number.POSITIVE_INFINITY) &&
        (terms.grantee.id === actor.userId || terms.grantee.id === hospital),
    )
  );
}

/** @throws GatewayError FORBIDDEN */
export function mustStandNear(
  patient: Patient,
  actor: Actor,
  now: number,
  hospital?: string,
): void {
  if (standsNear(patient, actor, now, hospital)) return;
  throw new GatewayError('FORBIDDEN', 'You have no relation to this patient.', {
    ids: { patient: patient.id },
  });
}

async function orNull<T>(question: Promise<T>): Promise<T | null> {
  try {
    return await question;
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'NOT_FOUND') return null;
    throw error;
  }
}

function asHospital(user: User | null): Hospital | null {
  return user?.role === 'hospital' ? user : null;
}
