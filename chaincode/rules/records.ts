// Who may add to a record, take from it, and give others access to it.

import type { ConsentTerms, Patient, Report, User } from '../model/index.js';
import { decideAccess, type AccessFacts } from './access.js';
import { all, PERMIT, refuse, type Ruling } from './decision.js';
import { activeKin, actsForPatient } from './kin.js';
import { hasCare, hasCareAt, standsFor } from './standing.js';

/**
 * Patients add to their own record; relatives with `keep`; doctors in whose care the patient is, or whom a consent lets
 * upload; a hospital's services where any of its doctors has the patient in care, or where the hospital may upload. An
 * express denial wins over care and kinship, as everywhere.
 */
export function mayAnchor(facts: AccessFacts, actingFor: string | undefined, now: number): Ruling {
  const { actor, patient } = facts;
  if (actor.role === 'doctor' || actor.role === 'service') {
    const care = () =>
      actor.role === 'service'
        ? hasCareAt(patient, actingFor)
        : hasCare(patient, actor.id, actingFor);
    return all(
      () => standsFor(actor, actingFor, facts),
      () => notDenied(facts, actingFor, now),
      () => (care().permit ? PERMIT : consentToUpload(facts, actingFor, now)),
    );
  }
  if (actingFor !== undefined) return refuse('WRONG_ROLE');
  if (actor.id === patient.id) return PERMIT;
  if (actor.role !== 'relative') return refuse('WRONG_ROLE');
  return all(
    () => actsForPatient(patient, actor, 'keep', now),
    () => notDenied(facts, actingFor, now),
  );
}

function decideUpload(facts: AccessFacts, actingFor: string | undefined, now: number) {
  const asked = { action: 'upload', purpose: 'treatment', actingFor, now } as const;
  return decideAccess(asked, { ...facts, report: null });
}

function notDenied(facts: AccessFacts, actingFor: string | undefined, now: number): Ruling {
  const outcome = decideUpload(facts, actingFor, now);
  const denied = outcome.decision === 'refuse' && outcome.code === 'CONSENT_DENIED';
  return denied ? refuse('CONSENT_DENIED') : PERMIT;
}

function consentToUpload(facts: AccessFacts, actingFor: string | undefined, now: number): Ruling {
  return decideUpload(facts, actingFor, now).decision === 'permit' ? PERMIT : refuse('NO_CARE');
}

/**
 * A new version replaces a report, or nothing does: its author's, or its patient's, to say. Authors say it only while they
 * still stand where they stood: doctors and services for the hospital, relatives by a link with `keep`.
 */
export function mayCorrect(
  report: Report,
  facts: Omit<AccessFacts, 'report' | 'emergency'>,
  now: number,
): Ruling {
  const { actor, patient } = facts;
  const isAuthor = report.author === actor.id;
  if (isAuthor && (actor.role === 'doctor' || actor.role === 'service'))
    return standsFor(actor, report.actingFor, facts);
  return actsForPatient(patient, actor, isAuthor ? 'keep' : 'guardian', now);
}

/** Only the patient or a guardian erases: an author may withdraw, no more. */
export function mayErase(patient: Patient, actor: User, now: number): Ruling {
  return actsForPatient(patient, actor, 'guardian', now);
}

/**
 * Who may make, change or end a consent with these terms. A relative who consents on behalf may not give themselves
 * access: only a guardian may, and a guardian has it already.
 */
export function mayConsent(
  patient: Patient,
  actor: User,
  terms: ConsentTerms,
  now: number,
): Ruling {
  return all(
    () => actsForPatient(patient, actor, 'consent', now),
    () => {
      const itself = terms.effect === 'permit' && terms.grantee.id === actor.id;
      const guardian = activeKin(patient, actor.id, now)?.rights.includes('guardian') === true;
      return itself && !guardian ? refuse('NOT_OWNER') : PERMIT;
    },
  );
}

/** Who may take these terms back? Taking a denial back widens access as a permit does, taking a permit back narrows it as a denial does.
 * What needs a new epoch is for the patient or a guardian: whoever chooses the vault's next key holds it. */
export function mayTakeBack(
  patient: Patient,
  actor: User,
  terms: ConsentTerms,
  now: number,
): Ruling {
  const effect = terms.effect === 'deny' ? 'permit' : 'deny';
  return all(
    () => mayConsent(patient, actor, { ...terms, effect }, now),
    () => (holdsEpoch(terms) ? actsForPatient(patient, actor, 'guardian', now) : PERMIT),
  );
}

/** Has someone received the epoch's private key through these terms? Then taking them back needs a new epoch. */
export function holdsEpoch(terms: ConsentTerms): boolean {
  const reads = terms.actions.some((action) => action !== 'upload');
  return terms.effect === 'permit' && terms.scope.kind === 'full' && reads;
}
