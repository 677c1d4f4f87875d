// A small world with one of everything: two hospitals of the genesis list and one that waits, doctors in and out of
// care, a patient with every kind of relative, a second patient, auditors, and something of each kind to act on.

import { hashText } from '../signatures/index.js';
import type { ArgumentsOf, ConsentTerms, ReportTerms } from '../model/index.js';
import { newKeyPair, nextId, Person } from './person.js';
import { HOUR_MS, Scene, START_MS } from './scene.js';

export const DAY_MS = 24 * HOUR_MS;

/** Somebody's digest, tag, stored object: all well-formed, all different by name. */
export const digest = (name: string): string => hashText(name);
export const tag = (name: string): string =>
  Buffer.from(hashText(name), 'base64url').toString('base64url', 0, 16);

export function reportTerms(over: Partial<ReportTerms> = {}): ReportTerms {
  const object = { cloud: 'fs', object: 'o'.repeat(24), sha256: digest('image') };
  return {
    storage: 'stego',
    suite: 'A256GCM',
    parts: [object],
    label: object,
    commitment: digest('plaintext'),
    tag: tag('blood'),
    month: '2026-05',
    epoch: 1,
    ...over,
  };
}

export function permit(id: string, over: Partial<ConsentTerms> = {}): ConsentTerms {
  return {
    effect: 'permit',
    grantee: { kind: 'user', id },
    scope: { kind: 'full' },
    actions: ['view'],
    purposes: ['treatment'],
    ...over,
  };
}

const profile = (name: string) => ({ name });

/** Everybody on the stage. */
export interface Cast {
  readonly hospital: Person;
  readonly otherHospital: Person;
  readonly waitingHospital: Person;
  /** Authorised by `hospital`, with `patient` in their care. */
  readonly doctor: Person;
  /** Authorised by `otherHospital`; holds a full consent; no care. */
  readonly otherDoctor: Person;
  readonly suspendedDoctor: Person;
  /** Has asked `hospital` to be admitted. */
  readonly newDoctor: Person;
  readonly patient: Person;
  /** Has opted out of emergencies; asked `doctor` for care. */
  readonly otherPatient: Person;
  readonly guardian: Person;
  readonly keeper: Person;
  readonly consenter: Person;
  readonly stranger: Person;
  readonly auditor: Person;
  readonly waitingAuditor: Person;
  /** A system of `hospital`, and one that it has suspended. */
  readonly service: Person;
  readonly suspendedService: Person;
  /** Not registered. */
  readonly nobody: Person;
}

export type Role = keyof Cast;

/** Ids of what lies on the ledger. */
export interface Props {
  readonly report: string;
  readonly ownReport: string;
  readonly care: string;
  readonly careAsked: string;
  readonly consent: string;
  readonly keeperLink: string;
  readonly guardianLink: string;
  readonly offer: string;
  readonly slots: readonly [string, string, string];
  readonly appointment: string;
  readonly consultation: string;
  readonly emergency: string;
  readonly access: string;
  /** A re-keying of otherPatient that `hospital` has proposed. */
  readonly proposal: string;
  /** A re-keying of stranger that has been seconded, its notice period over. */
  readonly seconded: string;
}

export interface Stage extends Cast, Props {
  readonly scene: Scene;
}

let built: Promise<Stage> | null = null;

/** The stage, each time on a ledger of its own. */
export async function stage(): Promise<Stage> {
  built ??= build();
  const original = await built;
  return { ...original, ...cast(original), scene: original.scene.fork() };
}

const ROLES: readonly Role[] = [
  'hospital',
  'otherHospital',
  'waitingHospital',
  'doctor',
  'otherDoctor',
  'suspendedDoctor',
  'newDoctor',
  'patient',
  'otherPatient',
  'guardian',
  'keeper',
  'consenter',
  'stranger',
  'auditor',
  'waitingAuditor',
  'service',
  'suspendedService',
  'nobody',
];
export const EVERYBODY = ROLES;

/** Fresh persons with the same keys: one test's key rotation is not another's. */
function cast(people: Cast): Cast {
  const copy = (role: Role) => new Person(people[role].signing, people[role].sealing);
  return Object.fromEntries(ROLES.map((role) => [role, copy(role)])) as Record<Role, Person>;
}

async function build(): Promise<Stage> {
  const people = Object.fromEntries(ROLES.map((role) => [role, new Person()])) as Record<
    Role,
    Person
  >;
  const scene = Scene.found([people.hospital.id, people.otherHospital.id]);
  await register(scene, people);
  await admit(scene, people);
  const props = await furnish(scene, people);
  scene.pass(3 * HOUR_MS);
  const emergency = await scene.does(people.otherDoctor, 'access:emergency', {
    patient: people.patient.id,
    actingFor: people.otherHospital.id,
    reason: digest('unconscious'),
  });
  return { ...people, ...props, emergency, scene };
}

async function register(scene: Scene, c: Cast): Promise<void> {
  for (const who of [c.hospital, c.otherHospital, c.waitingHospital])
    await scene.does(who, 'hospital:register', { keys: who.keys, profile: profile('General') });
  for (const who of [c.doctor, c.otherDoctor, c.suspendedDoctor, c.newDoctor])
    await scene.does(who, 'user:register', {
      role: 'doctor',
      keys: who.keys,
      profile: profile('Dr'),
    });
  for (const who of [c.auditor, c.waitingAuditor])
    await scene.does(who, 'user:register', {
      role: 'auditor',
      keys: who.keys,
      profile: profile('Audit'),
    });
  for (const who of [c.guardian, c.keeper, c.consenter, c.stranger])
    await scene.does(who, 'user:register', { role: 'relative', keys: who.keys });
  for (const who of [c.patient, c.otherPatient])
    await scene.does(who, 'user:register', {
      role: 'patient',
      keys: who.keys,
      epoch: { number: 1, key: newKeyPair().publicKey },
      escrow: who === c.patient ? c.otherHospital.id : null,
    });
}

/** What a hospital signs, as operation `id`, to let a system of its own in. */
export function authorisation(who: Person, id: string): ArgumentsOf<'service:authorise'> {
  const proof = Person.proof(who.signing, who.id, id);
  return { keys: who.keys, proof, profile: profile('Laboratory') };
}

async function admit(scene: Scene, c: Cast): Promise<void> {
  for (const voter of [c.hospital, c.otherHospital])
    await scene.does(voter, 'hospital:vote', { candidate: c.auditor.id });
  const pairs = [
    [c.doctor, c.hospital],
    [c.otherDoctor, c.otherHospital],
    [c.suspendedDoctor, c.hospital],
  ] as const;
  for (const [doctor, hospital] of pairs) {
    await scene.does(doctor, 'affiliation:request', { hospital: hospital.id });
    await scene.does(hospital, 'affiliation:authorise', { doctor: doctor.id, replaces: 1 });
  }
  await scene.does(c.hospital, 'affiliation:suspend', {
    doctor: c.suspendedDoctor.id,
    replaces: 2,
  });
  await scene.does(c.newDoctor, 'affiliation:request', { hospital: c.hospital.id });
  for (const who of [c.service, c.suspendedService]) {
    const id = nextId(scene.nowMs);
    await scene.does(c.hospital, 'service:authorise', authorisation(who, id), { id });
  }
  await scene.does(c.hospital, 'service:suspend', {
    service: c.suspendedService.id,
    replaces: 1,
  });
}

async function furnish(scene: Scene, c: Cast): Promise<Omit<Props, 'emergency'>> {
  const patient = c.patient.id;
  const asked = { doctor: c.doctor.id, hospital: c.hospital.id };
  const care = await scene.does(c.patient, 'care:request', asked);
  await scene.does(c.doctor, 'care:approve', { patient, id: care, replaces: 1 });
  const careAsked = await scene.does(c.otherPatient, 'care:request', asked);
  const report = await scene.does(c.doctor, 'report:anchor', {
    patient,
    actingFor: c.hospital.id,
    report: reportTerms(),
  });
  const ownReport = await scene.does(c.patient, 'report:anchor', {
    patient,
    report: reportTerms({ tag: tag('photo'), month: '2026-06' }),
  });
  const consent = await scene.does(c.patient, 'consent:grant', {
    patient,
    terms: permit(c.otherDoctor.id),
  });
  const guardianLink = await scene.does(c.patient, 'kin:link', {
    patient,
    relative: c.guardian.id,
    rights: ['guardian'],
    notAfter: START_MS + 365 * DAY_MS,
  });
  const keeperLink = await scene.does(c.patient, 'kin:link', {
    patient,
    relative: c.keeper.id,
    rights: ['view', 'keep'],
  });
  await scene.does(c.patient, 'kin:link', {
    patient,
    relative: c.consenter.id,
    rights: ['consent'],
  });
  const access = await scene.does(c.otherDoctor, 'access:request', {
    patient,
    report,
    action: 'view',
    purpose: 'treatment',
    actingFor: c.otherHospital.id,
  });
  const made = { report, ownReport, care, careAsked, consent, guardianLink, keeperLink, access };
  return { ...made, ...(await meet(scene, c)), ...(await lose(scene, c)) };
}

async function meet(scene: Scene, c: Cast) {
  const patient = c.patient.id;
  const slots = [nextId(scene.nowMs), nextId(scene.nowMs), nextId(scene.nowMs)] as const;
  const offer = await scene.does(c.doctor, 'appointment:offer', {
    hospital: c.hospital.id,
    slots: slots.map((id) => ({ id, commitment: digest(id) })),
  });
  const appointment = await scene.does(c.patient, 'appointment:book', {
    patient,
    doctor: c.doctor.id,
    offer,
    slot: slots[0],
  });
  const consultation = await scene.does(c.doctor, 'consultation:open', {
    patient,
    hospital: c.hospital.id,
  });
  return { slots, offer, appointment, consultation };
}

async function lose(scene: Scene, c: Cast) {
  const propose = async (user: Person) => {
    const pair = newKeyPair();
    const proofId = nextId(scene.nowMs);
    return scene.does(c.hospital, 'key:propose', {
      user: user.id,
      keys: { sign: pair.publicKey, seal: newKeyPair().publicKey },
      proof: Person.proof(pair, user.id, proofId),
      proofId,
    });
  };
  const proposal = await propose(c.otherPatient);
  const seconded = await propose(c.stranger);
  await scene.does(c.otherHospital, 'key:second', { user: c.stranger.id, proposal: seconded });
  return { proposal, seconded };
}
