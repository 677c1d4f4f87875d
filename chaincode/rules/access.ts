// May this person do this with this report, now, and why? The heart of consent: deny wins over permit, the default is
// deny, and the answer names the entry that decided.

import type {
  Access,
  AccessOutcome,
  Action,
  Affiliation,
  Consent,
  Hospital,
  Patient,
  Purpose,
  RefusalCode,
  Report,
  Scope,
  User,
} from '../model/index.js';
import { standsFor } from './standing.js';
import { activeKin } from './kin.js';

/** What is asked. */
export interface AccessRequest {
  readonly action: Action;
  readonly purpose: Purpose;
  readonly actingFor?: string | undefined;
  /** The emergency that the request relies on, and on nothing else: it may be anchored late, when consents have run out. */
  readonly emergency?: string | undefined;
  /** The instant that counts: the operation's `issuedAt`. */
  readonly now: number;
}

/** What is known. `report` is null when no report of that id was anchored for the patient. */
export interface AccessFacts {
  readonly patient: Patient;
  readonly actor: User;
  readonly report: Report | null;
  /** Required of whoever acts for a hospital. */
  readonly affiliation?: Affiliation | null;
  readonly hospital?: Hospital | null;
  /** The emergency that the request names, if there is one of that id. */
  readonly emergency?: Access | null;
}

/** Decides a request to read (or, with `action: 'upload'`, to add to) a record. Pure and total. */
export function decideAccess(request: AccessRequest, facts: AccessFacts): AccessOutcome {
  const { patient, actor, report } = facts;
  if (request.action !== 'upload') {
    if (!report || report.patient !== patient.id) return no('NOT_FOUND');
    if (report.status === 'erased') return no('REPORT_ERASED');
  }
  if (actor.id === patient.id) return { decision: 'permit', basis: 'self' };
  if (report?.status === 'withdrawn' && request.action !== 'upload') return no('REPORT_WITHDRAWN');
  // A system adds; nobody lets it read.
  if (actor.role === 'service' && request.action !== 'upload') return no('WRONG_ROLE');
  const standing = standsFor(actor, request.actingFor, facts);
  if (!standing.permit) return no(standing.code);
  return weigh(request, facts);
}

function weigh(request: AccessRequest, facts: AccessFacts): AccessOutcome {
  const { patient, actor, report } = facts;
  const matching = patient.consents.filter((consent) =>
    applies(consent, request, actor.id, report),
  );
  const denial = matching.find((consent) => consent.terms.effect === 'deny');
  if (denial) return no('CONSENT_DENIED', denial.id);

  const kin = actor.role === 'relative' ? activeKin(patient, actor.id, request.now) : undefined;
  if (kin?.rights.includes('guardian'))
    return { decision: 'permit', basis: 'guardian', by: kin.id };
  if (actor.role === 'relative' && !kin) return no('NO_KIN_RIGHT');
  if (request.emergency !== undefined) return emergencyOpens(request, facts);

  const permit = matching.find((consent) => consent.terms.effect === 'permit');
  return permit ? { decision: 'permit', basis: 'consent', by: permit.id } : no('NO_CONSENT');
}

function emergencyOpens(request: AccessRequest, facts: AccessFacts): AccessOutcome {
  const { emergency } = facts;
  if (request.purpose !== 'emergency') return no('NO_CONSENT');
  if (!emergency) return no('EMERGENCY_OVER');
  const ofThisDoctor =
    emergency.id === request.emergency &&
    emergency.kind === 'emergency' &&
    emergency.actor === facts.actor.id &&
    emergency.actingFor === request.actingFor &&
    emergency.patient === facts.patient.id;
  const permitted = emergency.outcome.decision === 'permit';
  const inWindow = request.now >= emergency.issuedAt && request.now < (emergency.endsAt ?? 0);
  if (!ofThisDoctor || !permitted || !inWindow) return no('EMERGENCY_OVER');
  const elsewhere = notEscrow(facts.patient, request.actingFor);
  if (elsewhere) return no(elsewhere, emergency.id);
  if (request.action !== 'view') return no('NO_CONSENT', emergency.id);
  return { decision: 'permit', basis: 'emergency', by: emergency.id };
}

/** Emergencies are opened in the name of the one hospital that the patient has chosen for them: only it holds the key. */
function notEscrow(patient: Patient, hospital: string | undefined): RefusalCode | null {
  if (patient.escrow === null) return 'EMERGENCY_OPTED_OUT';
  return patient.escrow === hospital ? null : 'NOT_ESCROW';
}

/** May this doctor break the glass? Consent is not asked for; the patient's opt-out and express denials are. */
export function decideEmergency(
  request: { readonly actingFor: string; readonly now: number },
  facts: Omit<AccessFacts, 'report' | 'emergency'>,
): AccessOutcome {
  const { actor, patient } = facts;
  if (actor.role !== 'doctor') return no('WRONG_ROLE');
  const standing = standsFor(actor, request.actingFor, facts);
  if (!standing.permit) return no(standing.code);
  const elsewhere = notEscrow(patient, request.actingFor);
  if (elsewhere) return no(elsewhere);
  const asked = {
    action: 'view',
    purpose: 'emergency',
    actingFor: request.actingFor,
    now: request.now,
  } as const;
  const denial = patient.consents.find(
    (c) =>
      c.terms.effect === 'deny' &&
      c.terms.scope.kind === 'full' &&
      applies(c, asked, actor.id, null),
  );
  return denial ? no('CONSENT_DENIED', denial.id) : { decision: 'permit', basis: 'emergency' };
}

/** Is the consent in force now, for this person or the hospital that they act for, and about this? */
export function applies(
  consent: Consent,
  request: AccessRequest,
  actor: string,
  report: Report | null,
): boolean {
  const { terms } = consent;
  // A hospital that reads for itself need not say that it acts for itself.
  const grantee = terms.grantee.kind === 'user' ? actor : (request.actingFor ?? actor);
  return (
    consent.status === 'active' &&
    terms.grantee.id === grantee &&
    request.now >= (terms.notBefore ?? 0) &&
    request.now < (terms.notAfter ?? Number.POSITIVE_INFINITY) &&
    terms.actions.includes(request.action) &&
    terms.purposes.includes(request.purpose) &&
    covers(terms.scope, report)
  );
}

/** Does a scope hold a report? Without a report (an upload), only a full scope does. */
export function covers(
  scope: Scope,
  report: Pick<Report, 'id' | 'author' | 'terms'> | null,
): boolean {
  if (scope.kind === 'full') return true;
  if (!report) return false;
  if (scope.kind === 'selective') return scope.reports.includes(report.id);
  const { tag, month } = report.terms;
  return (
    (scope.tags?.includes(tag) ?? true) &&
    (scope.authors?.includes(report.author) ?? true) &&
    month >= (scope.fromMonth ?? '') &&
    month <= (scope.toMonth ?? '9999-12')
  );
}

function no(code: RefusalCode, by?: string): AccessOutcome {
  return by === undefined ? { decision: 'refuse', code } : { decision: 'refuse', code, by };
}
