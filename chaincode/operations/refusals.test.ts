// Every refusal code, reached. The compiler refuses this file when a code has no case.

import { expect } from 'chai';
import {
  LIMITS,
  MAX_LIFE_MS,
  MAX_SKEW_MS,
  REFUSALS,
  type OperationType,
  type RefusalCode,
} from '../model/index.js';
import { keys } from '../state/index.js';
import {
  HOUR_MS,
  newKeyPair,
  nextId,
  permit,
  reportTerms,
  stage,
  TEN_MINUTES_MS,
  type Stage,
  type Twist,
} from '../testkit/index.js';

type Fate = 'applied' | RefusalCode;

const grant = (s: Stage, twist: Twist = {}): Promise<Fate> =>
  s.scene.fate(
    s.patient,
    'consent:grant',
    { patient: s.patient.id, terms: permit(s.doctor.id) },
    twist,
  );

const view = (s: Stage, over: { report?: string; emergency?: string } = {}): Promise<Fate> =>
  s.scene.fate(s.otherDoctor, 'access:request', {
    patient: s.patient.id,
    report: s.report,
    action: 'view',
    purpose: 'treatment',
    actingFor: s.otherHospital.id,
    ...over,
  });

const CASES: { readonly [C in RefusalCode]: (s: Stage) => Promise<Fate> } = {
  MALFORMED: (s) => s.scene.fateOf('{"operation":{},"signature":""}'),
  WRONG_LEDGER: (s) => grant(s, { ledger: 'another' }),
  BAD_SIGNATURE: (s) => {
    const envelope = s.patient.envelope(
      'consent:grant',
      { patient: s.patient.id, terms: permit(s.doctor.id) },
      s.scene.nowMs,
    );
    return s.scene.fateOf(s.stranger.seal(envelope));
  },
  UNKNOWN_ACTOR: (s) => s.scene.fate(s.nobody, 'affiliation:request', { hospital: s.hospital.id }),
  KEY_NOT_CURRENT: (s) => grant(s, { kid: s.stranger.kid }),
  LIFE_TOO_LONG: (s) => grant(s, { expiresAt: s.scene.nowMs + MAX_LIFE_MS + 1 }),
  NOT_YET_VALID: (s) => grant(s, inTheFuture(s)),
  EXPIRED: (s) => grant(s, { issuedAt: s.scene.nowMs - TEN_MINUTES_MS }),
  ID_MISMATCH: (s) => grant(s, { id: nextId(s.scene.nowMs + 1) }),
  ID_REUSED: async (s) => {
    const id = await s.scene.does(s.patient, 'consent:grant', {
      patient: s.patient.id,
      terms: permit(s.doctor.id, { actions: ['share'] }),
    });
    return grant(s, { id });
  },
  NOT_FOUND: (s) => view(s, { report: nextId(s.scene.nowMs) }),
  VERSION_CONFLICT: (s) =>
    s.scene.fate(s.doctor, 'care:end', { patient: s.patient.id, id: s.care, replaces: 1 }),
  WRONG_STATE: (s) =>
    s.scene.fate(s.doctor, 'care:approve', { patient: s.patient.id, id: s.care, replaces: 2 }),
  ALREADY_EXISTS: (s) =>
    s.scene.fate(s.patient, 'care:request', { doctor: s.doctor.id, hospital: s.hospital.id }),
  LIMIT_REACHED: async (s) => {
    const line = () =>
      s.scene.line(s.patient, 'consent:grant', {
        patient: s.patient.id,
        terms: permit(s.doctor.id),
      });
    // One consent stands already.
    await s.scene.apply(...Array.from({ length: LIMITS.consents - 2 }, line));
    expect(await grant(s), 'the last that fits').to.equal('applied');
    await s.scene.apply(line());
    return grant(s);
  },
  SLOT_TAKEN: (s) =>
    s.scene.fate(s.patient, 'appointment:book', {
      patient: s.patient.id,
      doctor: s.doctor.id,
      offer: s.offer,
      slot: s.slots[0],
    }),
  WRONG_ROLE: (s) => s.scene.fate(s.patient, 'affiliation:request', { hospital: s.hospital.id }),
  NOT_OWNER: (s) =>
    s.scene.fate(s.doctor, 'report:erase', { patient: s.patient.id, id: s.report, replaces: 1 }),
  ACTOR_NOT_ACTIVE: (s) =>
    s.scene.fate(s.suspendedDoctor, 'report:anchor', {
      patient: s.patient.id,
      actingFor: s.hospital.id,
      report: reportTerms(),
    }),
  NOT_AFFILIATED: (s) =>
    s.scene.fate(s.otherDoctor, 'report:anchor', {
      patient: s.patient.id,
      actingFor: s.hospital.id,
      report: reportTerms(),
    }),
  HOSPITAL_NOT_ADMITTED: (s) =>
    s.scene.fate(s.doctor, 'affiliation:request', { hospital: s.waitingHospital.id }),
  NO_CARE: (s) =>
    s.scene.fate(s.otherDoctor, 'report:anchor', {
      patient: s.patient.id,
      actingFor: s.otherHospital.id,
      report: reportTerms(),
    }),
  NO_KIN_RIGHT: (s) =>
    s.scene.fate(s.consenter, 'report:anchor', { patient: s.patient.id, report: reportTerms() }),
  NO_CONSENT: (s) =>
    s.scene.fate(s.doctor, 'access:request', {
      patient: s.patient.id,
      report: s.ownReport,
      action: 'view',
      purpose: 'treatment',
      actingFor: s.hospital.id,
    }),
  CONSENT_DENIED: async (s) => {
    await s.scene.does(s.patient, 'consent:grant', {
      patient: s.patient.id,
      terms: permit(s.otherDoctor.id, { effect: 'deny' }),
    });
    return view(s);
  },
  REPORT_WITHDRAWN: async (s) => {
    const change = { patient: s.patient.id, id: s.report, replaces: 1 };
    await s.scene.does(s.doctor, 'report:withdraw', change);
    return view(s);
  },
  REPORT_ERASED: async (s) => {
    const change = { patient: s.patient.id, id: s.report, replaces: 1 };
    await s.scene.does(s.patient, 'report:erase', change);
    return view(s);
  },
  EMERGENCY_OPTED_OUT: (s) =>
    s.scene.fate(s.doctor, 'access:emergency', {
      patient: s.otherPatient.id,
      actingFor: s.hospital.id,
      reason: reportTerms().commitment,
    }),
  NOT_ESCROW: (s) =>
    s.scene.fate(s.doctor, 'access:emergency', {
      patient: s.patient.id,
      actingFor: s.hospital.id,
      reason: reportTerms().commitment,
    }),
  EMERGENCY_OVER: (s) => {
    s.scene.pass(HOUR_MS);
    return s.scene.fate(s.otherDoctor, 'access:request', {
      patient: s.patient.id,
      report: s.report,
      action: 'view',
      purpose: 'emergency',
      actingFor: s.otherHospital.id,
      emergency: s.emergency,
    });
  },
  EPOCH_REQUIRED: (s) =>
    s.scene.fate(s.patient, 'consent:revoke', {
      patient: s.patient.id,
      id: s.consent,
      replaces: 1,
    }),
  NOTICE_RUNNING: async (s) => {
    const change = { user: s.otherPatient.id, proposal: s.proposal };
    await s.scene.does(s.otherHospital, 'key:second', change);
    s.scene.pass(s.scene.genesis.recoveryNoticeMs - 1);
    return s.scene.fate(s.hospital, 'key:complete', change);
  },
  END_REQUIRED: (s) =>
    s.scene.fate(s.patient, 'kin:link', {
      patient: s.patient.id,
      relative: s.stranger.id,
      rights: ['guardian'],
    }),
};

function inTheFuture(s: Stage): Twist {
  return { issuedAt: s.scene.nowMs + MAX_SKEW_MS + 1 };
}

describe('operations: every refusal code is reached', () => {
  for (const code of Object.keys(REFUSALS) as RefusalCode[]) {
    it(code, async () => {
      expect(await CASES[code](await stage())).to.equal(code);
    });
  }
});

describe('operations: arguments that do not fit', () => {
  const garbage: readonly (readonly [string, Fate, (s: Stage) => Promise<Fate>])[] = [
    ['an unknown type', 'MALFORMED', (s) => grant(s, { type: 'consent:give' })],
    ['a type from the prototype', 'MALFORMED', (s) => grant(s, { type: 'constructor' })],
    ['a missing argument', 'MALFORMED', (s) => grant(s, { args: { patient: s.patient.id } })],
    ['one too many', 'MALFORMED', (s) => grant(s, { args: { ...consentArgs(s), also: 1 } })],
    [
      'a partial scope that filters nothing',
      'MALFORMED',
      (s) => grantScope(s, { kind: 'partial' }),
    ],
    [
      'a report named twice',
      'MALFORMED',
      (s) => grantScope(s, { kind: 'selective', reports: twice(s.report) }),
    ],
    ['an empty window', 'MALFORMED', (s) => grantTerms(s, { notBefore: 5, notAfter: 5 })],
    ['a grantee that is no hospital', 'NOT_FOUND', (s) => grantKind(s, s.doctor.id, 'hospital')],
    ['a grantee that is no user', 'NOT_FOUND', (s) => grantKind(s, s.hospital.id, 'user')],
    ['the patient as grantee', 'NOT_OWNER', (s) => grantKind(s, s.patient.id, 'user')],
    ['a seal key off the curve', 'MALFORMED', (s) => register(s, { seal: OFF_THE_CURVE })],
    ['one key for both', 'MALFORMED', (s) => register(s, { seal: s.nobody.keys.sign })],
    [
      'an epoch key off the curve',
      'MALFORMED',
      (s) => revoke(s, { number: 2, key: OFF_THE_CURVE }),
    ],
    [
      'an epoch that skips one',
      'VERSION_CONFLICT',
      (s) => revoke(s, { number: 3, key: newKeyPair().publicKey }),
    ],
    [
      'the same epoch key again',
      'ALREADY_EXISTS',
      (s) => revoke(s, { number: 2, key: epochKey(s) }),
    ],
    ['reading in order to upload', 'MALFORMED', (s) => readToUpload(s)],
  ];
  for (const [name, code, attempt] of garbage) {
    it(`${name}: ${code}`, async () => {
      expect(await attempt(await stage())).to.equal(code);
    });
  }
});

const OFF_THE_CURVE = Buffer.concat([Buffer.of(4), Buffer.alloc(64, 1)]).toString('base64url');
const twice = (id: string) => [id, id];
const consentArgs = (s: Stage) => ({ patient: s.patient.id, terms: permit(s.doctor.id) });
const args = (s: Stage, type: OperationType, args: Record<string, unknown>): Promise<Fate> =>
  grant(s, { type, args });
const grantTerms = (s: Stage, over: Record<string, unknown>) =>
  args(s, 'consent:grant', {
    patient: s.patient.id,
    terms: { ...permit(s.doctor.id), ...over },
  });
const grantScope = (s: Stage, scope: Record<string, unknown>) => grantTerms(s, { scope });
const grantKind = (s: Stage, id: string, kind: string) => grantTerms(s, { grantee: { kind, id } });
const register = (s: Stage, keys: Record<string, string>) =>
  s.scene.fate(s.nobody, 'user:register', {
    role: 'relative',
    keys: { ...s.nobody.keys, ...keys },
  });
const revoke = (s: Stage, epoch: { number: number; key: string }) =>
  args(s, 'consent:revoke', { patient: s.patient.id, id: s.consent, replaces: 1, epoch });
const readToUpload = (s: Stage) =>
  args(s, 'access:request', {
    patient: s.patient.id,
    report: s.report,
    action: 'upload',
    purpose: 'treatment',
  });

function epochKey(s: Stage): string {
  const patient = s.scene.read(keys.user(s.patient.id));
  return patient.role === 'patient' ? patient.epoch.key : '';
}
