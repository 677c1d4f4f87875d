// Operations alone lead to the documents that the ledger has.

import { expect } from 'chai';
import { readOperationLine, type Receipt } from '../model/index.js';
import { hashText } from '../signatures/index.js';
import { keys, type Key } from '../state/index.js';
import {
  DAY_MS,
  digest,
  newKeyPair,
  nextId,
  permit,
  Person,
  reportTerms,
  Scene,
  START_MS,
} from '../testkit/index.js';
import { retrace, type AppliedOperation } from './retrace.js';

/** What is not the patient's, and not shown with their record. */
const UNSEEN = /^(?:affiliation|hospital):/;

/** A life on a ledger, and its operations as they were applied. */
async function lived() {
  const [hospital, doctor, patient, guardian, grantee, auditor] = [
    new Person(),
    new Person(),
    new Person(),
    new Person(),
    new Person(),
    new Person(),
  ];
  const scene = Scene.found([hospital.id]);
  const operations: AppliedOperation[] = [];
  scene.one = async (line: string): Promise<Receipt> => {
    const receipt = await Scene.prototype.one.call(scene, line);
    const operation = readOperationLine(line);
    if (operation && receipt.status === 'applied') {
      const { envelope, bytes } = operation;
      operations.push({ envelope, hash: hashText(bytes), receipt });
    }
    scene.pass(1000);
    return receipt;
  };
  const profile = { name: 'Somebody' };
  await scene.does(hospital, 'hospital:register', { keys: hospital.keys, profile });
  for (const [who, role] of [
    [doctor, 'doctor'],
    [auditor, 'auditor'],
  ] as const)
    await scene.does(who, 'user:register', { role, keys: who.keys, profile });
  for (const who of [guardian, grantee])
    await scene.does(who, 'user:register', { role: 'relative', keys: who.keys });
  const epoch = { number: 1, key: newKeyPair().publicKey } as const;
  const founded = { role: 'patient', keys: patient.keys, epoch, escrow: hospital.id } as const;
  await scene.does(patient, 'user:register', founded);
  await scene.does(doctor, 'affiliation:request', { hospital: hospital.id });
  await scene.does(hospital, 'affiliation:authorise', { doctor: doctor.id, replaces: 1 });
  await scene.does(hospital, 'hospital:vote', { candidate: auditor.id });
  const whole = { scene, operations, hospital, doctor, patient, guardian, grantee, auditor };
  await live(whole);
  return whole;
}

async function live({
  scene,
  hospital,
  doctor,
  patient: who,
  guardian,
  grantee,
  auditor,
}: Omit<Awaited<ReturnType<typeof lived>>, 'operations'>): Promise<void> {
  const patient = who.id;
  const change = (id: string, replaces = 1) => ({ patient, id, replaces });
  const next = () => ({ number: 2, key: newKeyPair().publicKey });
  const asked = { doctor: doctor.id, hospital: hospital.id };
  const care = await scene.does(who, 'care:request', asked);
  await scene.does(doctor, 'care:approve', change(care));
  const notAfter = START_MS + 30 * DAY_MS;
  const link = { patient, relative: guardian.id, rights: ['guardian' as const], notAfter };
  await scene.does(who, 'kin:link', link);
  const consent = await scene.does(guardian, 'consent:grant', {
    patient,
    terms: permit(grantee.id),
  });
  await scene.does(who, 'consent:revoke', { ...change(consent), epoch: next() });
  const report = reportTerms({ epoch: 2 });
  const old = await scene.does(doctor, 'report:anchor', {
    patient,
    actingFor: hospital.id,
    report,
  });
  await scene.does(who, 'report:supersede', { ...change(old), report });
  await scene.does(who, 'report:erase', change(old, 2));
  const read = { patient, report: old, action: 'view', purpose: 'treatment' } as const;
  await scene.does(grantee, 'access:request', read);
  const why = { patient, actingFor: hospital.id, reason: digest('unconscious') };
  const emergency = await scene.does(doctor, 'access:emergency', why);
  await scene.does(auditor, 'access:review', { ...change(emergency), verdict: 'justified' });
  await scene.does(guardian, 'access:object', change(emergency, 2));
  const slots = [nextId(scene.nowMs), nextId(scene.nowMs)] as const;
  const offered = slots.map((id) => ({ id, commitment: digest(id) }));
  const offer = await scene.does(doctor, 'appointment:offer', {
    hospital: hospital.id,
    slots: offered,
  });
  const place = { offer, slot: slots[0] };
  const booked = await scene.does(who, 'appointment:book', {
    patient,
    doctor: doctor.id,
    ...place,
  });
  await scene.does(who, 'appointment:move', { ...change(booked), offer, slot: slots[1] });
  await scene.does(doctor, 'appointment:cancel', change(booked, 2));
  const talk = await scene.does(doctor, 'consultation:open', { patient, hospital: hospital.id });
  const anchor = { count: 3, head: digest('third') };
  await scene.does(who, 'consultation:message', { ...change(talk), ...anchor });
  await scene.does(doctor, 'consultation:close', change(talk, 2));
}

describe('retracing a record', () => {
  const shown = (operations: readonly AppliedOperation[]) =>
    operations.filter(({ envelope }) => !UNSEEN.test(envelope.type));

  it('leads to the documents that the ledger has, with no affiliation, vote or registration of a hospital shown', async () => {
    const { scene, operations, patient } = await lived();
    const wishes = { genesis: scene.genesis, patient: patient.id };
    const record = await retrace(shown(operations), wishes);
    expect(record.broken).to.equal(undefined);
    expect(record.patient).to.deep.equal(scene.read(keys.user(patient.id)));
    const same = <T>(documents: ReadonlyMap<string, T>, key: (id: string) => Key<T>): void => {
      for (const [id, document] of documents)
        expect(document, id).to.deep.equal(scene.read(key(id)));
    };
    same(record.reports, (id) => keys.report(patient.id, id));
    same(record.accesses, (id) => keys.access(patient.id, id));
    same(record.appointments, (id) => keys.appointment(patient.id, id));
    same(record.consultations, (id) => keys.consultation(patient.id, id));
    const { reports, accesses, appointments, consultations } = record;
    const sizes = [reports, accesses, appointments, consultations].map(({ size }) => size);
    expect(sizes).to.deep.equal([2, 2, 1, 1]);
  });

  it('says which operation does not follow when one before it is missing', async () => {
    const { scene, operations, patient } = await lived();
    const wishes = { genesis: scene.genesis, patient: patient.id };
    const all = shown(operations);
    const changes =
      /approve|revoke|supersede|erase|review|object|move|message|link|offer|book|open/;
    let missed = 0;
    for (const { envelope } of all.filter(({ envelope: { type } }) => changes.test(type))) {
      const rest = all.filter((operation) => operation.envelope.id !== envelope.id);
      const { broken } = await retrace(rest, wishes);
      // The last of its kind is not missed: nothing was done on top of it.
      if (/erase|object/.test(envelope.type)) expect(broken, envelope.type).to.equal(undefined);
      else expect(++missed && broken?.id, envelope.type).to.be.a('string');
    }
    expect(missed).to.be.greaterThan(9);
  });

  it('takes from the receipt what was decided, and believes no other version', async () => {
    const { scene, operations, patient } = await lived();
    const wishes = { genesis: scene.genesis, patient: patient.id };
    const outcome = { decision: 'refuse', code: 'NO_CONSENT' } as const;
    const told = shown(operations).map((operation) =>
      operation.envelope.type === 'access:request'
        ? { ...operation, receipt: { ...operation.receipt, outcome } }
        : operation,
    );
    const { accesses, broken } = await retrace(told, wishes);
    expect(broken).to.equal(undefined);
    const read = [...accesses.values()].find(({ kind }) => kind === 'read');
    expect(read?.outcome).to.deep.equal(outcome);
    const other = told.map((operation) => ({
      ...operation,
      receipt: { ...operation.receipt, version: operation.receipt.version + 1 },
    }));
    expect((await retrace(other, wishes)).broken?.code).to.equal('VERSION_CONFLICT');
  });
});
