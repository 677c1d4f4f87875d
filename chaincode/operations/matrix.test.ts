// Who may do what: every operation type against every kind of actor. What is not listed as allowed is refused, with the
// very code that is expected.

import { expect } from 'chai';
import {
  OPERATION_TYPES,
  type ArgumentsOf,
  type OperationType,
  type RefusalCode,
} from '../model/index.js';
import {
  authorisation,
  DAY_MS,
  digest,
  EVERYBODY,
  newKeyPair,
  nextId,
  permit,
  Person,
  reportTerms,
  stage,
  START_MS,
  type Role,
  type Stage,
} from '../testkit/index.js';

type Fate = 'applied' | RefusalCode;

/** The same request from everybody: what each of them gets. `nobody` is UNKNOWN_ACTOR unless said otherwise. */
interface Row<T extends OperationType> {
  readonly args: (s: Stage, who: Person, id: string) => ArgumentsOf<T>;
  readonly fates: Partial<Record<Role, Fate>>;
  readonly others: Fate;
}

const all = (fate: Fate, ...roles: Role[]): Partial<Record<Role, Fate>> =>
  Object.fromEntries(roles.map((role) => [role, fate]));

/** The patient and a guardian may; a relative without the right, and everybody else, may not. */
const ownersOnly = {
  ...all('applied', 'patient', 'guardian'),
  ...all('NO_KIN_RIGHT', 'keeper', 'consenter', 'stranger'),
};
const doctors = ['doctor', 'otherDoctor', 'suspendedDoctor', 'newDoctor'] as const;
const registered = EVERYBODY.filter((role) => role !== 'nobody');
const nextEpoch = () => ({ number: 2, key: newKeyPair().publicKey });
const profile = { name: 'Somebody' };

const hospitalsOnly = (also: Partial<Record<Role, Fate>> = {}) => ({
  ...all('applied', 'hospital'),
  ...all('HOSPITAL_NOT_ADMITTED', 'waitingHospital'),
  ...also,
});

function recovery(user: (s: Stage) => Person): Row<'key:propose'>['args'] {
  return (s) => {
    const pair = newKeyPair();
    const proofId = nextId(s.scene.nowMs);
    return {
      user: user(s).id,
      keys: { sign: pair.publicKey, seal: newKeyPair().publicKey },
      proof: Person.proof(pair, user(s).id, proofId),
      proofId,
    };
  };
}

const MATRIX: { readonly [T in OperationType]: Row<T> } = {
  'hospital:register': {
    args: (_s, who) => ({ keys: who.keys, profile }),
    fates: { nobody: 'applied' },
    others: 'ALREADY_EXISTS',
  },
  'user:register': {
    args: (_s, who) => ({ role: 'relative', keys: who.keys }),
    fates: { nobody: 'applied' },
    others: 'ALREADY_EXISTS',
  },
  'hospital:vote': {
    args: (s) => ({ candidate: s.waitingHospital.id }),
    fates: hospitalsOnly({ otherHospital: 'applied' }),
    others: 'WRONG_ROLE',
  },
  'user:escrow': {
    args: (s) => ({ escrow: s.hospital.id, replaces: 1, epoch: nextEpoch() }),
    fates: all('applied', 'patient', 'otherPatient'),
    others: 'WRONG_ROLE',
  },
  'key:rotate': {
    // Everybody may rotate their own keys (keychange.test.ts): here only the proof is wrong, for all alike.
    args: (_s, who) => {
      const pair = newKeyPair();
      return {
        keys: { sign: pair.publicKey, seal: newKeyPair().publicKey },
        proof: Person.proof(pair, who.id, nextId(0)),
        replaces: 1,
      };
    },
    // Two votes have changed the auditor's document, and a suspension the service's.
    fates: all('VERSION_CONFLICT', 'auditor', 'suspendedService'),
    others: 'BAD_SIGNATURE',
  },
  'key:propose': {
    args: recovery((s) => s.patient),
    fates: hospitalsOnly({ otherHospital: 'applied' }),
    others: 'WRONG_ROLE',
  },
  'key:second': {
    args: (s) => ({ user: s.otherPatient.id, proposal: s.proposal }),
    fates: hospitalsOnly({ hospital: 'NOT_OWNER', otherHospital: 'applied' }),
    others: 'WRONG_ROLE',
  },
  'key:object': {
    args: (s) => ({ proposal: s.proposal }),
    fates: { otherPatient: 'applied' },
    others: 'NOT_FOUND',
  },
  'key:complete': {
    args: (s) => ({ user: s.stranger.id, proposal: s.seconded }),
    fates: hospitalsOnly({ otherHospital: 'applied' }),
    others: 'WRONG_ROLE',
  },
  'affiliation:request': {
    args: (s) => ({ hospital: s.hospital.id }),
    fates: {
      ...all('ALREADY_EXISTS', 'doctor', 'suspendedDoctor', 'newDoctor'),
      otherDoctor: 'applied',
    },
    others: 'WRONG_ROLE',
  },
  'affiliation:authorise': {
    args: (s) => ({ doctor: s.newDoctor.id, replaces: 1 }),
    fates: hospitalsOnly({ otherHospital: 'NOT_FOUND' }),
    others: 'WRONG_ROLE',
  },
  'affiliation:refuse': {
    args: (s) => ({ doctor: s.newDoctor.id, replaces: 1 }),
    fates: hospitalsOnly({ otherHospital: 'NOT_FOUND' }),
    others: 'WRONG_ROLE',
  },
  'affiliation:suspend': {
    args: (s) => ({ doctor: s.doctor.id, replaces: 2 }),
    fates: hospitalsOnly({ otherHospital: 'NOT_FOUND' }),
    others: 'WRONG_ROLE',
  },
  'affiliation:leave': {
    args: (s) => ({ hospital: s.hospital.id, replaces: 2 }),
    fates: {
      doctor: 'applied',
      otherDoctor: 'NOT_FOUND',
      ...all('VERSION_CONFLICT', 'suspendedDoctor', 'newDoctor'),
    },
    others: 'WRONG_ROLE',
  },
  'service:authorise': {
    args: (_s, _who, id) => authorisation(new Person(), id),
    fates: hospitalsOnly({ otherHospital: 'applied' }),
    others: 'WRONG_ROLE',
  },
  'service:suspend': {
    args: (s) => ({ service: s.service.id, replaces: 1 }),
    fates: hospitalsOnly({ otherHospital: 'NOT_OWNER' }),
    others: 'WRONG_ROLE',
  },
  'care:request': {
    args: (s) => ({ doctor: s.otherDoctor.id, hospital: s.otherHospital.id }),
    fates: all('applied', 'patient', 'otherPatient'),
    others: 'WRONG_ROLE',
  },
  'care:approve': {
    args: (s) => ({ patient: s.otherPatient.id, id: s.careAsked, replaces: 1 }),
    fates: { doctor: 'applied' },
    others: 'NOT_OWNER',
  },
  'care:refuse': {
    args: (s) => ({ patient: s.otherPatient.id, id: s.careAsked, replaces: 1 }),
    fates: { doctor: 'applied' },
    others: 'NOT_OWNER',
  },
  'care:end': {
    args: (s) => ({ patient: s.patient.id, id: s.care, replaces: 2 }),
    fates: all('applied', 'doctor', 'patient', 'guardian'),
    others: 'NOT_OWNER',
  },
  'kin:link': {
    args: (s) => ({ patient: s.patient.id, relative: s.stranger.id, rights: ['view'] }),
    fates: ownersOnly,
    others: 'NOT_OWNER',
  },
  'kin:amend': {
    args: (s) => ({
      patient: s.patient.id,
      id: s.guardianLink,
      replaces: 1,
      rights: ['guardian'],
      notAfter: START_MS + 999 * DAY_MS,
    }),
    fates: { ...ownersOnly, guardian: 'NOT_OWNER' },
    others: 'NOT_OWNER',
  },
  'kin:end': {
    args: (s) => ({ patient: s.patient.id, id: s.keeperLink, replaces: 1 }),
    fates: { ...ownersOnly, keeper: 'applied' },
    others: 'NOT_OWNER',
  },
  'consent:grant': {
    args: (s) => ({ patient: s.patient.id, terms: permit(s.doctor.id) }),
    fates: { ...ownersOnly, consenter: 'applied' },
    others: 'NOT_OWNER',
  },
  'consent:amend': {
    args: (s) => ({
      patient: s.patient.id,
      id: s.consent,
      replaces: 1,
      terms: permit(s.otherDoctor.id, { actions: ['view', 'download'] }),
    }),
    // A full consent: what `consent` does for others stands in on-behalf.test.ts.
    fates: ownersOnly,
    others: 'NOT_OWNER',
  },
  'consent:revoke': {
    args: (s) => ({ patient: s.patient.id, id: s.consent, replaces: 1, epoch: nextEpoch() }),
    fates: ownersOnly,
    others: 'NOT_OWNER',
  },
  'report:anchor': {
    args: (s) => ({ patient: s.patient.id, report: reportTerms() }),
    fates: {
      ...all('applied', 'patient', 'guardian', 'keeper'),
      ...all('NO_KIN_RIGHT', 'consenter', 'stranger'),
      ...all('NOT_AFFILIATED', ...doctors, 'service', 'suspendedService'),
    },
    others: 'WRONG_ROLE',
  },
  'report:supersede': {
    args: (s) => ({
      patient: s.patient.id,
      id: s.report,
      replaces: 1,
      actingFor: s.hospital.id,
      report: reportTerms(),
    }),
    fates: {
      doctor: 'applied',
      // They may correct, but not in a hospital's name.
      ...all('WRONG_ROLE', 'patient', 'guardian'),
      ...all('NO_KIN_RIGHT', 'keeper', 'consenter', 'stranger'),
    },
    others: 'NOT_OWNER',
  },
  'report:withdraw': {
    args: (s) => ({ patient: s.patient.id, id: s.report, replaces: 1 }),
    fates: { ...ownersOnly, doctor: 'applied' },
    others: 'NOT_OWNER',
  },
  'report:erase': {
    args: (s) => ({ patient: s.patient.id, id: s.report, replaces: 1 }),
    fates: ownersOnly,
    others: 'NOT_OWNER',
  },
  'appointment:offer': {
    args: (s) => ({
      hospital: s.hospital.id,
      slots: [{ id: nextId(s.scene.nowMs), commitment: digest('noon') }],
    }),
    fates: {
      doctor: 'applied',
      suspendedDoctor: 'ACTOR_NOT_ACTIVE',
      ...all('NOT_AFFILIATED', 'otherDoctor', 'newDoctor'),
    },
    others: 'WRONG_ROLE',
  },
  'appointment:book': {
    args: (s) => ({
      patient: s.patient.id,
      doctor: s.doctor.id,
      offer: s.offer,
      slot: s.slots[1],
    }),
    fates: ownersOnly,
    others: 'NOT_OWNER',
  },
  'appointment:move': {
    args: (s) => ({
      patient: s.patient.id,
      id: s.appointment,
      replaces: 1,
      offer: s.offer,
      slot: s.slots[1],
    }),
    fates: { ...ownersOnly, doctor: 'applied' },
    others: 'NOT_OWNER',
  },
  'appointment:cancel': {
    args: (s) => ({ patient: s.patient.id, id: s.appointment, replaces: 1 }),
    fates: { ...ownersOnly, doctor: 'applied' },
    others: 'NOT_OWNER',
  },
  'consultation:open': {
    args: (s) => ({ patient: s.patient.id, hospital: s.hospital.id }),
    fates: {
      doctor: 'applied',
      suspendedDoctor: 'ACTOR_NOT_ACTIVE',
      ...all('NOT_AFFILIATED', 'otherDoctor', 'newDoctor'),
    },
    others: 'WRONG_ROLE',
  },
  'consultation:message': {
    args: (s) => ({
      patient: s.patient.id,
      id: s.consultation,
      replaces: 1,
      count: 1,
      head: digest('hello'),
    }),
    fates: { ...ownersOnly, doctor: 'applied' },
    others: 'NOT_OWNER',
  },
  'consultation:close': {
    args: (s) => ({ patient: s.patient.id, id: s.consultation, replaces: 1 }),
    fates: { ...ownersOnly, doctor: 'applied' },
    others: 'NOT_OWNER',
  },
  'access:request': {
    args: (s, who) => ({
      patient: s.patient.id,
      report: s.report,
      action: 'view',
      purpose: 'treatment',
      ...(doctors.some((role) => s[role] === who) && {
        actingFor: (who === s.otherDoctor ? s.otherHospital : s.hospital).id,
      }),
    }),
    fates: {
      ...all('applied', 'patient', 'guardian', 'otherDoctor'),
      ...all('NO_KIN_RIGHT', 'stranger'),
      newDoctor: 'NOT_AFFILIATED',
      ...all('ACTOR_NOT_ACTIVE', 'waitingAuditor', 'suspendedDoctor'),
      waitingHospital: 'HOSPITAL_NOT_ADMITTED',
      ...all('WRONG_ROLE', 'service', 'suspendedService'),
    },
    others: 'NO_CONSENT',
  },
  'access:emergency': {
    args: (s) => ({
      patient: s.patient.id,
      actingFor: s.otherHospital.id,
      reason: digest('fall'),
    }),
    fates: {
      otherDoctor: 'applied',
      ...all('NOT_AFFILIATED', 'doctor', 'suspendedDoctor', 'newDoctor'),
    },
    others: 'WRONG_ROLE',
  },
  'access:review': {
    args: (s) => ({
      patient: s.patient.id,
      id: s.emergency,
      replaces: 1,
      verdict: 'justified',
    }),
    fates: all('applied', 'otherHospital', 'auditor'),
    others: 'NOT_OWNER',
  },
  'access:object': {
    args: (s) => ({ patient: s.patient.id, id: s.access, replaces: 1 }),
    fates: ownersOnly,
    others: 'NOT_OWNER',
  },
};

describe('operations: every type by every kind of actor', () => {
  for (const type of OPERATION_TYPES) {
    it(type, async () => {
      const { fates, row } = await fatesOf(type);
      const { fates: expected, others } = row;
      for (const role of registered) {
        expect(fates[role], `${type} by ${role}`).to.equal(expected[role] ?? others);
      }
      expect(fates.nobody, `${type} by nobody`).to.equal(expected.nobody ?? 'UNKNOWN_ACTOR');
    });
  }
});

async function fatesOf<T extends OperationType>(
  type: T,
): Promise<{ readonly fates: Record<Role, Fate>; readonly row: Row<T> }> {
  const s = await stage();
  const row: Row<T> = MATRIX[type];
  const fates: [Role, Fate][] = [];
  for (const role of EVERYBODY) {
    const id = nextId(s.scene.nowMs);
    fates.push([role, await s.scene.fate(s[role], type, row.args(s, s[role], id), { id })]);
  }
  return { row, fates: Object.fromEntries(fates) as Record<Role, Fate> };
}
