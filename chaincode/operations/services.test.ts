// A hospital's systems: what they may add, and that they may do nothing else.

import { expect } from 'chai';
import { indexes, keys } from '../state/index.js';
import {
  authorisation,
  nextId,
  permit,
  Person,
  reportTerms,
  stage,
  type Stage,
} from '../testkit/index.js';

const add = (s: Stage, over: object = {}) => ({
  patient: s.patient.id,
  actingFor: s.hospital.id,
  report: reportTerms(),
  ...over,
});

const anchors = (s: Stage, over: object = {}) =>
  s.scene.fate(s.service, 'report:anchor', add(s, over));

const endCare = (s: Stage) =>
  s.scene.does(s.patient, 'care:end', { patient: s.patient.id, id: s.care, replaces: 2 });

describe('services', () => {
  it('are users of their own, listed under their hospital', async () => {
    const s = await stage();
    const document = s.scene.read(keys.user(s.service.id));
    expect(document).to.include({ role: 'service', hospital: s.hospital.id, status: 'authorised' });
    expect(s.scene.read(indexes.servicesOf(s.hospital.id, s.service.id))).to.include({
      there: true,
    });
    expect(s.scene.read(indexes.role('service', s.service.id))).to.include({ there: true });
  });

  it('add reports where a doctor of their hospital has the patient in care, in its name only', async () => {
    const s = await stage();
    expect(await anchors(s)).to.equal('applied');
    expect(await anchors(s, { actingFor: s.otherHospital.id })).to.equal('NOT_AFFILIATED');
    expect(await anchors(s, { actingFor: undefined })).to.equal('NOT_AFFILIATED');
    expect(await anchors(s, { patient: s.otherPatient.id }), 'care asked for only').to.equal(
      'NO_CARE',
    );
    expect(await anchors(s, { report: reportTerms({ epoch: 2 }) })).to.equal('VERSION_CONFLICT');
    await endCare(s);
    expect(await anchors(s)).to.equal('NO_CARE');
  });

  it('or where the hospital may upload; a denial of the hospital, or of the system itself, wins', async () => {
    const s = await stage();
    await endCare(s);
    const patient = s.patient.id;
    const hospital = { kind: 'hospital', id: s.hospital.id } as const;
    const upload = permit(s.hospital.id, { grantee: hospital, actions: ['upload'] });
    await s.scene.does(s.patient, 'consent:grant', { patient, terms: upload });
    expect(await anchors(s)).to.equal('applied');
    for (const grantee of [hospital, { kind: 'user', id: s.service.id } as const]) {
      const denied = { ...s, scene: s.scene.fork() };
      const terms = { ...upload, grantee, effect: 'deny' as const };
      await denied.scene.does(s.patient, 'consent:grant', { patient, terms });
      expect(await anchors(denied), grantee.kind).to.equal('CONSENT_DENIED');
    }
  });

  it('can’t be let in by name, and read nothing that their hospital may read', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const byName = { patient, terms: permit(s.service.id) };
    expect(await s.scene.fate(s.patient, 'consent:grant', byName)).to.equal('WRONG_ROLE');
    const terms = permit(s.hospital.id, { grantee: { kind: 'hospital', id: s.hospital.id } });
    await s.scene.does(s.patient, 'consent:grant', { patient, terms });
    const asked = {
      patient,
      report: s.report,
      action: 'view',
      purpose: 'treatment',
      actingFor: s.hospital.id,
    } as const;
    expect(
      await s.scene.fate(s.doctor, 'access:request', asked),
      'a doctor, for comparison',
    ).to.equal('applied');
    expect(await s.scene.fate(s.service, 'access:request', asked)).to.equal('WRONG_ROLE');
  });

  it('replace and withdraw what they wrote themselves, and nothing else', async () => {
    const s = await stage();
    const id = await s.scene.does(s.service, 'report:anchor', add(s));
    const patient = s.patient.id;
    const own = add(s, { id, replaces: 1 }) as never;
    expect(await s.scene.fate(s.service, 'report:supersede', own)).to.equal('applied');
    const theDoctors = add(s, { id: s.report, replaces: 1 }) as never;
    expect(await s.scene.fate(s.service, 'report:supersede', theDoctors)).to.equal('NOT_OWNER');
    const withdrawal = { patient, id, replaces: 1 };
    expect(await s.scene.fate(s.service, 'report:withdraw', withdrawal)).to.equal('applied');
    expect(await s.scene.fate(s.service, 'report:erase', withdrawal)).to.equal('NOT_OWNER');
  });

  it('stop at once, and for good, when they are suspended; so they do when their hospital’s word is not one', async () => {
    const s = await stage();
    const id = await s.scene.does(s.service, 'report:anchor', add(s));
    const line = s.scene.line(s.service, 'report:anchor', add(s));
    const change = { service: s.service.id, replaces: 1 };
    const suspension = s.scene.line(s.hospital, 'service:suspend', change);
    expect(await s.scene.one(suspension)).to.include({ status: 'applied', version: 2 });
    expect(await s.scene.one(suspension), 'again').to.include({ status: 'applied', version: 2 });
    expect(await s.scene.fateOf(line), 'signed before').to.equal('ACTOR_NOT_ACTIVE');
    const own = { patient: s.patient.id, id, replaces: 1 };
    expect(await s.scene.fate(s.service, 'report:withdraw', own)).to.equal('ACTOR_NOT_ACTIVE');
    const later = { ...change, replaces: 2 };
    expect(await s.scene.fate(s.hospital, 'service:suspend', later)).to.equal('WRONG_STATE');
    expect(await s.scene.fate(s.hospital, 'service:suspend', change)).to.equal('VERSION_CONFLICT');
    const doctor = { service: s.doctor.id, replaces: 1 };
    expect(await s.scene.fate(s.hospital, 'service:suspend', doctor)).to.equal('NOT_FOUND');
  });

  it('come by a key that they hold: not by another’s, nor by a proof for something else', async () => {
    const s = await stage();
    const system = new Person();
    const id = nextId(s.scene.nowMs);
    const args = authorisation(system, id);
    const line = s.scene.line(s.hospital, 'service:authorise', args, { id });
    expect(await s.scene.fateOf(s.scene.line(s.hospital, 'service:authorise', args))).to.equal(
      'BAD_SIGNATURE',
    );
    const stolen = { ...args, proof: Person.proof(new Person().signing, system.id, id) };
    expect(await s.scene.fate(s.hospital, 'service:authorise', stolen, { id })).to.equal(
      'BAD_SIGNATURE',
    );
    const first = await s.scene.one(line);
    expect(first).to.include({ status: 'applied', version: 1 });
    expect(await s.scene.one(line), 'again').to.deep.equal(first);
    const twice = nextId(s.scene.nowMs);
    expect(
      await s.scene.fate(s.hospital, 'service:authorise', authorisation(system, twice), {
        id: twice,
      }),
    ).to.equal('ALREADY_EXISTS');
    const patients = nextId(s.scene.nowMs);
    expect(
      await s.scene.fate(s.hospital, 'service:authorise', authorisation(s.patient, patients), {
        id: patients,
      }),
    ).to.equal('ALREADY_EXISTS');
  });

  it('are not re-keyed by hospitals: a system that has lost its key is authorised anew', async () => {
    const s = await stage();
    const [pair, proofId] = [new Person().signing, nextId(s.scene.nowMs)];
    const proof = Person.proof(pair, s.service.id, proofId);
    const keysAnew = { sign: pair.publicKey, seal: new Person().sealing.publicKey };
    const args = { user: s.service.id, keys: keysAnew, proof, proofId };
    expect(await s.scene.fate(s.otherHospital, 'key:propose', args)).to.equal('WRONG_ROLE');
  });
});
