// What no longer stands where it must: states that allow no more, standings lost since, ids used for something else.

import { expect } from 'chai';
import { keys } from '../state/index.js';
import {
  digest,
  newKeyPair,
  nextId,
  permit,
  Person,
  reportTerms,
  stage,
  type Stage,
} from '../testkit/index.js';

type Fate = Awaited<ReturnType<Stage['scene']['fate']>>;

const suspend = (s: Stage) =>
  s.scene.does(s.hospital, 'affiliation:suspend', { doctor: s.doctor.id, replaces: 2 });

const leave = (s: Stage) =>
  s.scene.does(s.doctor, 'affiliation:leave', { hospital: s.hospital.id, replaces: 2 });

describe('states', () => {
  it('a changing operation’s id counts for its own bytes only', async () => {
    const s = await stage();
    const change = { patient: s.patient.id, id: s.consultation, replaces: 1, count: 1 };
    const id = await s.scene.does(s.doctor, 'consultation:message', {
      ...change,
      head: digest('said'),
    });
    const other = { ...change, head: digest('not said') };
    const fate = await s.scene.fate(s.doctor, 'consultation:message', other, { id });
    expect(fate).to.equal('ID_REUSED');
  });

  it('a report is superseded once, and never after it was withdrawn or erased', async () => {
    for (const end of ['report:withdraw', 'report:erase'] as const) {
      const s = await stage();
      const change = { patient: s.patient.id, id: s.report, replaces: 1 };
      await s.scene.does(s.patient, end, change);
      const next = { ...change, replaces: 2 };
      const correct = { ...next, actingFor: s.hospital.id, report: reportTerms() };
      expect(await s.scene.fate(s.doctor, 'report:supersede', correct)).to.equal('WRONG_STATE');
      expect(await s.scene.fate(s.patient, end, next)).to.equal('WRONG_STATE');
    }
  });

  it('a revoked consent is neither changed nor revoked again', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const terms = permit(s.doctor.id, { effect: 'deny' });
    const id = await s.scene.does(s.patient, 'consent:grant', { patient, terms });
    await s.scene.does(s.patient, 'consent:revoke', { patient, id, replaces: 1 });
    const change = { patient, id, replaces: 2 };
    expect(await s.scene.fate(s.patient, 'consent:revoke', change)).to.equal('WRONG_STATE');
    const amended = { ...change, terms };
    expect(await s.scene.fate(s.patient, 'consent:amend', amended)).to.equal('WRONG_STATE');
  });

  it('a suspended doctor neither approves care nor withdraws what they wrote', async () => {
    const s = await stage();
    await suspend(s);
    const approve = { patient: s.otherPatient.id, id: s.careAsked, replaces: 1 };
    expect(await s.scene.fate(s.doctor, 'care:approve', approve)).to.equal('ACTOR_NOT_ACTIVE');
    const withdraw = { patient: s.patient.id, id: s.report, replaces: 1 };
    expect(await s.scene.fate(s.doctor, 'report:withdraw', withdraw)).to.equal('ACTOR_NOT_ACTIVE');
  });

  it('a doctor who is suspended or has left neither writes in a consultation nor closes it', async () => {
    const ends: readonly (readonly [(s: Stage) => Promise<string>, Fate])[] = [
      [suspend, 'ACTOR_NOT_ACTIVE'],
      [leave, 'NOT_AFFILIATED'],
    ];
    for (const [end, code] of ends) {
      const s = await stage();
      const change = { patient: s.patient.id, id: s.consultation, replaces: 1 };
      const said = { ...change, count: 1, head: digest('said') };
      expect(await s.scene.fate(s.doctor, 'consultation:message', said)).to.equal('applied');
      await end(s);
      expect(await s.scene.fate(s.doctor, 'consultation:message', said)).to.equal(code);
      expect(await s.scene.fate(s.doctor, 'consultation:close', change)).to.equal(code);
      expect(await s.scene.fate(s.patient, 'consultation:message', said)).to.equal('applied');
      expect(await s.scene.fate(s.patient, 'consultation:close', change)).to.equal('applied');
    }
  });

  it('a doctor who has left corrects nothing, not even for another hospital', async () => {
    const s = await stage();
    await s.scene.does(s.doctor, 'affiliation:request', { hospital: s.otherHospital.id });
    await s.scene.does(s.otherHospital, 'affiliation:authorise', {
      doctor: s.doctor.id,
      replaces: 1,
    });
    const patient = s.patient.id;
    const asked = { doctor: s.doctor.id, hospital: s.otherHospital.id };
    const care = await s.scene.does(s.patient, 'care:request', asked);
    await s.scene.does(s.doctor, 'care:approve', { patient, id: care, replaces: 1 });
    const supersede = {
      patient,
      id: s.report,
      replaces: 1,
      actingFor: s.otherHospital.id,
      report: reportTerms(),
    };
    expect(await s.scene.fate(s.doctor, 'report:supersede', supersede)).to.equal('applied');
    await leave(s);
    expect(await s.scene.fate(s.doctor, 'report:supersede', supersede)).to.equal('NOT_AFFILIATED');
  });

  it('an offer holds each slot once, and an appointment stays at its hospital', async () => {
    const s = await stage();
    const slot = { id: nextId(s.scene.nowMs), commitment: digest('noon') };
    const offer = (hospital: Person, slots: (typeof slot)[]) =>
      s.scene.line(s.doctor, 'appointment:offer', { hospital: hospital.id, slots });
    expect(await s.scene.fateOf(offer(s.hospital, [slot, slot]))).to.equal('MALFORMED');
    await s.scene.does(s.doctor, 'affiliation:request', { hospital: s.otherHospital.id });
    const authorise = { doctor: s.doctor.id, replaces: 1 };
    await s.scene.does(s.otherHospital, 'affiliation:authorise', authorise);
    const { id } = await s.scene.one(offer(s.otherHospital, [slot]));
    const move = { patient: s.patient.id, id: s.appointment, replaces: 1 };
    const elsewhere = { ...move, offer: id, slot: slot.id };
    expect(await s.scene.fate(s.patient, 'appointment:move', elsewhere)).to.equal('WRONG_STATE');
    expect(s.scene.read(keys.appointment(s.patient.id, s.appointment)).status).to.equal('booked');
  });

  it('an older proposal does not come back after a newer one has ended', async () => {
    const s = await stage();
    const pair = newKeyPair();
    const user = s.otherPatient.id;
    const proofId = nextId(s.scene.nowMs);
    const args = {
      user,
      keys: { sign: pair.publicKey, seal: newKeyPair().publicKey },
      proof: Person.proof(pair, user, proofId),
      proofId,
    };
    const older = s.scene.line(s.hospital, 'key:propose', args);
    s.scene.pass(1000);
    await s.scene.does(s.otherPatient, 'key:object', { proposal: s.proposal });
    const newer = await s.scene.does(s.otherHospital, 'key:propose', args);
    await s.scene.does(s.otherPatient, 'key:object', { proposal: newer });
    expect(await s.scene.fateOf(older)).to.equal('VERSION_CONFLICT');
  });
});
