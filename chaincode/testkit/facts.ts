// What the rules decide upon, made by hand: a doctor D of hospital H, patient P with report r1, relative R, auditor A.

import type {
  Access,
  AccessOutcome,
  Affiliation,
  Auditor,
  Consent,
  ConsentTerms,
  Doctor,
  Hospital,
  KinLink,
  Patient,
  Relative,
  Report,
  Service,
} from '../model/index.js';
import type { AccessFacts, AccessRequest } from '../rules/index.js';

export const NOW = 1_000_000;
const marks = { version: 1, created: 'c', last: { id: 'o', hash: 'c', at: 0 } };
const keys = { sign: 's', seal: 'e' };
const base = { ...marks, keys, kid: 'k', registeredAt: 0 };
const profile = { name: 'N' };

export const hospital: Hospital = {
  ...base,
  id: 'H',
  role: 'hospital',
  profile,
  admitted: true,
  votes: [],
};
export const doctor: Doctor = { ...base, id: 'D', role: 'doctor', profile };
export const service: Service = {
  ...base,
  id: 'S',
  role: 'service',
  profile,
  hospital: 'H',
  status: 'authorised',
};
export const relative: Relative = { ...base, id: 'R', role: 'relative' };
export const auditor: Auditor = {
  ...base,
  id: 'A',
  role: 'auditor',
  profile,
  admitted: true,
  votes: [],
};
export const patient: Patient = {
  ...base,
  id: 'P',
  role: 'patient',
  epoch: { number: 1, key: 'v' },
  escrow: 'H',
  consents: [],
  kin: [],
  care: [],
};
export const otherPatient: Patient = { ...patient, id: 'Q' };
export const affiliation: Affiliation = {
  ...marks,
  hospital: 'H',
  doctor: 'D',
  status: 'authorised',
};
const object = { cloud: 'fs', object: 'o', sha256: 'h' };
export const report: Report = {
  ...marks,
  id: 'r1',
  patient: 'P',
  author: 'D',
  anchoredAt: 0,
  status: 'active',
  terms: {
    storage: 'stego',
    suite: 'A256GCM',
    parts: [object],
    label: object,
    commitment: 'c',
    tag: 'blood',
    month: '2026-05',
    epoch: 1,
  },
};

let consents = 0;
export const consent = (
  over: Partial<ConsentTerms> = {},
  status: Consent['status'] = 'active',
) => ({
  ...marks,
  id: `c${consents++}`,
  until: 0,
  by: 'P',
  status,
  terms: {
    effect: 'permit',
    grantee: { kind: 'user', id: 'D' },
    scope: { kind: 'full' },
    actions: ['view'],
    purposes: ['treatment'],
    ...over,
  } satisfies ConsentTerms,
});
export const link = (over: Partial<KinLink> = {}): KinLink => ({
  ...marks,
  id: 'k1',
  until: 0,
  status: 'active',
  relative: 'R',
  rights: ['view'],
  by: 'P',
  ...over,
});
export const emergency: Access = {
  ...marks,
  id: 'e1',
  kind: 'emergency',
  patient: 'P',
  actor: 'D',
  actingFor: 'H',
  issuedAt: NOW - 10,
  endsAt: NOW + 10,
  outcome: { decision: 'permit', basis: 'emergency' },
};

export const ask = (over: Partial<AccessRequest> = {}): AccessRequest => ({
  action: 'view',
  purpose: 'treatment',
  actingFor: 'H',
  now: NOW,
  ...over,
});
export const facts = (
  consentList: readonly Consent[],
  over: Partial<AccessFacts> = {},
): AccessFacts => ({
  patient: { ...patient, consents: consentList },
  actor: doctor,
  report,
  affiliation,
  hospital,
  ...over,
});
export const asRelative = (kin: readonly KinLink[], consentList: readonly Consent[] = []) =>
  facts(consentList, { actor: relative, patient: { ...patient, kin, consents: consentList } });
export const own = { actingFor: undefined };
export const toHospital = { grantee: { kind: 'hospital' as const, id: 'H' } };
export const partial = (over: object) => consent({ scope: { kind: 'partial', ...over } });

/** 'permit:<basis>' or the refusal's code. */
export const short = (outcome: AccessOutcome): string =>
  outcome.decision === 'permit' ? `permit:${outcome.basis}` : outcome.code;
