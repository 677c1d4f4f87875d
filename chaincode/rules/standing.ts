// Does someone stand where they say they stand: is a hospital admitted, does a doctor belong to the one they act for?

import type { Affiliation, Hospital, Patient, User } from '../model/index.js';
import { all, PERMIT, refuse, type Ruling } from './decision.js';

export interface StandingFacts {
  readonly affiliation?: Affiliation | null;
  readonly hospital?: Hospital | null;
}

/** A doctor must act for an admitted hospital that has authorised them, a service for its own; a hospital acts for itself, nobody else for any. */
export function standsFor(
  actor: User,
  actingFor: string | undefined,
  facts: StandingFacts,
): Ruling {
  switch (actor.role) {
    case 'doctor':
      if (actingFor === undefined) return refuse('NOT_AFFILIATED');
      return all(
        () => isAdmitted(facts.hospital),
        () => isAuthorised(facts.affiliation, actor.id, actingFor),
      );
    case 'service':
      if (actingFor !== actor.hospital) return refuse('NOT_AFFILIATED');
      return all(
        () => isAdmitted(facts.hospital),
        () => (actor.status === 'authorised' ? PERMIT : refuse('ACTOR_NOT_ACTIVE')),
      );
    case 'hospital':
      if (actingFor !== undefined && actingFor !== actor.id) return refuse('WRONG_ROLE');
      return isAdmitted(actor);
    case 'auditor':
      if (actingFor !== undefined) return refuse('WRONG_ROLE');
      return actor.admitted ? PERMIT : refuse('ACTOR_NOT_ACTIVE');
    case 'relative':
    case 'patient':
      return actingFor === undefined ? PERMIT : refuse('WRONG_ROLE');
  }
}

export function isAdmitted(hospital: User | null | undefined): Ruling {
  if (hospital?.role !== 'hospital') return refuse('NOT_FOUND');
  return hospital.admitted ? PERMIT : refuse('HOSPITAL_NOT_ADMITTED');
}

/** May the actor do what only the consortium's hospitals do? */
export function isActingHospital(actor: User): Ruling {
  return actor.role === 'hospital' ? isAdmitted(actor) : refuse('WRONG_ROLE');
}

function isAuthorised(
  affiliation: Affiliation | null | undefined,
  doctor: string,
  hospital: string,
): Ruling {
  if (affiliation?.doctor !== doctor || affiliation.hospital !== hospital)
    return refuse('NOT_AFFILIATED');
  if (affiliation.status === 'suspended') return refuse('ACTOR_NOT_ACTIVE');
  return affiliation.status === 'authorised' ? PERMIT : refuse('NOT_AFFILIATED');
}

/** Is the patient in the care of any doctor of this hospital? */
export function hasCareAt(patient: Patient, hospital: string | undefined): Ruling {
  const care = patient.care.some((c) => c.hospital === hospital && c.status === 'approved');
  return care ? PERMIT : refuse('NO_CARE');
}

/** Has the doctor, for this hospital, an approved care relation with the patient? */
export function hasCare(patient: Patient, doctor: string, hospital: string | undefined): Ruling {
  const care = patient.care.some(
    (c) => c.doctor === doctor && c.hospital === hospital && c.status === 'approved',
  );
  return care ? PERMIT : refuse('NO_CARE');
}
