// What operations leave on the ledger, family by family, where the matrix does not look: states, epochs, slots, keys.

import { expect } from 'chai';
import type { Consortium, Patient } from '../model/index.js';
import { indexes, keys } from '../state/index.js';
import {
  DAY_MS,
  digest,
  newKeyPair,
  nextId,
  permit,
  Person,
  reportTerms,
  stage,
  START_MS,
  type KeyPair,
  type Stage,
} from '../testkit/index.js';

function policy(s: Stage): Patient {
  const user = s.scene.read(keys.user(s.patient.id));
  if (user.role !== 'patient') throw new Error('not a patient');
  return user;
}

const epoch = (number: number) => ({ number, key: newKeyPair().publicKey });

describe('hospitals', () => {
  it('are admitted by more than half of the admitted, and may then vote', async () => {
    const s = await stage();
    const candidate = { candidate: s.waitingHospital.id };
    const vote = s.scene.line(s.hospital, 'hospital:vote', candidate);
    expect(await s.scene.one(vote)).to.include({ status: 'applied', version: 2 });
    expect(await s.scene.one(vote), 'again').to.include({ status: 'applied', version: 2 });
    expect(await s.scene.fate(s.hospital, 'hospital:vote', candidate)).to.equal('ALREADY_EXISTS');
    expect(s.scene.read(keys.user(s.waitingHospital.id))).to.include({ admitted: false });
    await s.scene.does(s.otherHospital, 'hospital:vote', candidate);
    expect(s.scene.read(keys.user(s.waitingHospital.id))).to.include({ admitted: true });
    const { hospitals }: Consortium = s.scene.read(keys.consortium);
    expect(hospitals).to.deep.equal([s.hospital.id, s.otherHospital.id, s.waitingHospital.id]);
    const next = { candidate: s.waitingAuditor.id };
    expect(await s.scene.fate(s.waitingHospital, 'hospital:vote', next)).to.equal('applied');
  });

  it('admit hospitals and auditors, nobody else', async () => {
    const s = await stage();
    const doctor = { candidate: s.doctor.id };
    expect(await s.scene.fate(s.hospital, 'hospital:vote', doctor)).to.equal('WRONG_ROLE');
    const nobody = { candidate: s.nobody.id };
    expect(await s.scene.fate(s.hospital, 'hospital:vote', nobody)).to.equal('NOT_FOUND');
  });
});

describe('a report’s objects', () => {
  const object = { cloud: 'north-s3', object: 'o'.repeat(24), sha256: digest('image') };
  const anchored = async (also: string[] | undefined, part: 'parts' | 'label') => {
    const s = await stage();
    const copied = also === undefined ? object : { ...object, also };
    const report = reportTerms(part === 'parts' ? { parts: [copied] } : { label: copied });
    return s.scene.fate(s.patient, 'report:anchor', { patient: s.patient.id, report });
  };

  it('may lie in up to three clouds besides, as their locator says', async () => {
    for (const part of ['parts', 'label'] as const) {
      for (const also of [undefined, ['b'], ['b', 'c-2'], ['b', 'c', 'd'], ['x'.repeat(32)]])
        expect(await anchored(also, part), `${part} ${also?.join()}`).to.equal('applied');
    }
  });

  it('name no cloud twice, no more than three besides, and none that is no name', async () => {
    const wrong = [
      [],
      ['north-s3'],
      ['b', 'b'],
      ['b', 'north-s3'],
      ['b', 'c', 'd', 'e'],
      [''],
      ['B'],
      ['1b'],
      ['b/c'],
      ['x'.repeat(33)],
    ];
    for (const part of ['parts', 'label'] as const) {
      for (const also of wrong)
        expect(await anchored(also, part), `${part} ${also.join()}`).to.equal('MALFORMED');
    }
  });

  it('keep their copies’ places in the document, as they were signed', async () => {
    const s = await stage();
    const report = reportTerms({ parts: [{ ...object, also: ['b', 'a'] }] });
    const args = { patient: s.patient.id, report };
    const id = await s.scene.does(s.patient, 'report:anchor', args);
    expect(s.scene.read(keys.report(s.patient.id, id)).terms).to.deep.equal(report);
  });
});

describe('the vault’s epoch', () => {
  it('moves on when full access is taken back, and old reports’ keys are refused after', async () => {
    const s = await stage();
    const change = { patient: s.patient.id, id: s.consent, replaces: 1, epoch: epoch(2) };
    await s.scene.does(s.patient, 'consent:revoke', change);
    expect(policy(s).epoch).to.deep.equal(change.epoch);
    const anchor = (number: number) =>
      s.scene.fate(s.patient, 'report:anchor', {
        patient: s.patient.id,
        report: reportTerms({ epoch: number }),
      });
    expect(await anchor(1)).to.equal('VERSION_CONFLICT');
    expect(await anchor(2)).to.equal('applied');
  });

  it('must move on when a full consent becomes partial, not when it stays full', async () => {
    const s = await stage();
    const amend = (over: Parameters<typeof permit>[1]) =>
      s.scene.fate(s.patient, 'consent:amend', {
        patient: s.patient.id,
        id: s.consent,
        replaces: 1,
        terms: permit(s.otherDoctor.id, over),
      });
    expect(await amend({ scope: { kind: 'selective', reports: [s.report] } })).to.equal(
      'EPOCH_REQUIRED',
    );
    expect(await amend({ effect: 'deny' })).to.equal('EPOCH_REQUIRED');
    expect(await amend({ actions: ['share'] })).to.equal('applied');
    expect(await amend({ grantee: { kind: 'user', id: s.doctor.id } })).to.equal('WRONG_STATE');
  });

  it('moves on for nothing else: a key that nothing called for may be one that the patient never had', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const terms = permit(s.doctor.id, { effect: 'deny' });
    const id = await s.scene.does(s.patient, 'consent:grant', { patient, terms });
    const change = { patient, id, replaces: 1, epoch: epoch(2) };
    for (const who of [s.patient, s.consenter, s.guardian]) {
      expect(await s.scene.fate(who, 'consent:revoke', change)).to.equal('WRONG_STATE');
      const amended = { ...change, terms: { ...terms, actions: ['share' as const] } };
      expect(await s.scene.fate(who, 'consent:amend', amended)).to.equal('WRONG_STATE');
    }
    const link = { patient, id: s.keeperLink, replaces: 1, epoch: epoch(2) };
    expect(await s.scene.fate(s.guardian, 'kin:end', link)).to.equal('WRONG_STATE');
    const less = { ...link, rights: ['view' as const] };
    expect(await s.scene.fate(s.guardian, 'kin:amend', less)).to.equal('WRONG_STATE');
  });

  it('is nothing to whoever may only upload', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const upload = permit(s.doctor.id, { actions: ['upload'] });
    const id = await s.scene.does(s.patient, 'consent:grant', { patient, terms: upload });
    const change = { patient, id, replaces: 1 };
    expect(await s.scene.fate(s.patient, 'consent:revoke', change)).to.equal('applied');
    const narrower = {
      ...change,
      id: s.consent,
      terms: { ...upload, grantee: permit(s.otherDoctor.id).grantee },
    };
    expect(await s.scene.fate(s.patient, 'consent:amend', narrower)).to.equal('EPOCH_REQUIRED');
  });

  it('must move on when a relative who held it is ended or loses the right', async () => {
    const s = await stage();
    const link = policy(s).kin.find((k) => k.relative === s.consenter.id);
    const change = { patient: s.patient.id, id: link?.id ?? '', replaces: 1 };
    expect(await s.scene.fate(s.patient, 'kin:end', change)).to.equal('EPOCH_REQUIRED');
    const less = { ...change, rights: ['view' as const] };
    expect(await s.scene.fate(s.patient, 'kin:amend', less)).to.equal('EPOCH_REQUIRED');
    const renewed = { ...less, epoch: epoch(2) };
    expect(await s.scene.fate(s.patient, 'kin:amend', renewed)).to.equal('applied');
  });

  it('is never chosen by a relative who steps back', async () => {
    const s = await stage();
    const change = { patient: s.patient.id, id: s.keeperLink, replaces: 1 };
    const taken = { ...change, epoch: epoch(2) };
    expect(await s.scene.fate(s.keeper, 'kin:end', taken)).to.equal('NOT_OWNER');
    expect(await s.scene.fate(s.keeper, 'kin:end', change)).to.equal('applied');
  });

  it('moves on when another hospital is named for emergencies', async () => {
    const s = await stage();
    const change = { escrow: null, replaces: 1 };
    expect(await s.scene.fate(s.patient, 'user:escrow', change)).to.equal('EPOCH_REQUIRED');
    const same = { escrow: s.otherHospital.id, replaces: 1, epoch: epoch(2) };
    expect(await s.scene.fate(s.patient, 'user:escrow', same), 'a fresh epoch at will').to.equal(
      'applied',
    );
    await s.scene.does(s.patient, 'user:escrow', { ...change, epoch: epoch(2) });
    expect(policy(s)).to.deep.include({ escrow: null, version: 2 });
    const waiting = { escrow: s.waitingHospital.id, replaces: 2 };
    expect(await s.scene.fate(s.patient, 'user:escrow', waiting)).to.equal('HOSPITAL_NOT_ADMITTED');
  });
});

describe('a relative who consents on behalf', () => {
  it('gives others access, but not themselves, and lifts no denial of themselves', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const give = (terms: ReturnType<typeof permit>) =>
      s.scene.fate(s.consenter, 'consent:grant', { patient, terms });
    expect(await give(permit(s.consenter.id))).to.equal('NOT_OWNER');
    expect(await give(permit(s.consenter.id, { effect: 'deny' }))).to.equal('applied');

    const denied = permit(s.consenter.id, { effect: 'deny' });
    const id = await s.scene.does(s.patient, 'consent:grant', { patient, terms: denied });
    const change = { patient, id, replaces: 1 };
    expect(await s.scene.fate(s.consenter, 'consent:revoke', change)).to.equal('NOT_OWNER');
    const narrower = { ...change, terms: { ...denied, actions: ['share' as const] } };
    expect(await s.scene.fate(s.consenter, 'consent:amend', narrower)).to.equal('NOT_OWNER');
    expect(await s.scene.fate(s.guardian, 'consent:revoke', change)).to.equal('applied');
  });
});

describe('care and kin', () => {
  it('one open relation a doctor and hospital; an ended one may be asked for again', async () => {
    const s = await stage();
    const ask = { doctor: s.doctor.id, hospital: s.hospital.id };
    expect(await s.scene.fate(s.patient, 'care:request', ask)).to.equal('ALREADY_EXISTS');
    await s.scene.does(s.patient, 'care:end', {
      patient: s.patient.id,
      id: s.care,
      replaces: 2,
    });
    expect(await s.scene.fate(s.patient, 'care:request', ask)).to.equal('applied');
    const elsewhere = { doctor: s.doctor.id, hospital: s.otherHospital.id };
    expect(await s.scene.fate(s.patient, 'care:request', elsewhere)).to.equal('NOT_AFFILIATED');
  });

  it('a guardian’s link runs out on its day', async () => {
    const s = await stage();
    const erase = { patient: s.patient.id, id: s.report, replaces: 1 };
    expect(await s.scene.fate(s.guardian, 'report:erase', erase)).to.equal('applied');
    s.scene.nowMs = START_MS + 365 * DAY_MS;
    expect(await s.scene.fate(s.guardian, 'report:erase', erase)).to.equal('NO_KIN_RIGHT');
  });
});

describe('reports', () => {
  it('a new version points both ways', async () => {
    const s = await stage();
    const id = await s.scene.does(s.doctor, 'report:supersede', {
      patient: s.patient.id,
      id: s.report,
      replaces: 1,
      actingFor: s.hospital.id,
      report: reportTerms({ commitment: digest('corrected') }),
    });
    expect(s.scene.read(keys.report(s.patient.id, id))).to.include({ supersedes: s.report });
    expect(s.scene.read(keys.report(s.patient.id, s.report))).to.include({
      status: 'superseded',
      supersededBy: id,
      version: 2,
    });
  });

  it('an express denial of uploading wins over care', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const add = { patient, actingFor: s.hospital.id, report: reportTerms() };
    expect(await s.scene.fate(s.doctor, 'report:anchor', add)).to.equal('applied');
    const terms = permit(s.doctor.id, { effect: 'deny', actions: ['upload'] });
    await s.scene.does(s.patient, 'consent:grant', { patient, terms });
    expect(await s.scene.fate(s.doctor, 'report:anchor', add)).to.equal('CONSENT_DENIED');
  });

  it('a full consent to upload stands in for care', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const add = { patient, actingFor: s.otherHospital.id, report: reportTerms() };
    expect(await s.scene.fate(s.otherDoctor, 'report:anchor', add)).to.equal('NO_CARE');
    const terms = permit(s.otherDoctor.id, { actions: ['upload'] });
    await s.scene.does(s.patient, 'consent:grant', { patient, terms });
    expect(await s.scene.fate(s.otherDoctor, 'report:anchor', add)).to.equal('applied');
  });
});

describe('appointments', () => {
  it('free the slot they leave', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const move = { patient, id: s.appointment, replaces: 1, offer: s.offer, slot: s.slots[2] };
    await s.scene.does(s.patient, 'appointment:move', move);
    const taken = () =>
      s.scene.read(keys.offer(s.doctor.id, s.offer)).slots.map((slot) => slot.appointment);
    expect(taken()).to.deep.equal([undefined, undefined, s.appointment]);
    const cancel = { patient, id: s.appointment, replaces: 2 };
    await s.scene.does(s.doctor, 'appointment:cancel', cancel);
    expect(taken()).to.deep.equal([undefined, undefined, undefined]);
    const gone = { ...cancel, replaces: 3 };
    expect(await s.scene.fate(s.patient, 'appointment:cancel', gone)).to.equal('WRONG_STATE');
  });
});

describe('consultations', () => {
  it('anchor a chain that only grows, until they are closed', async () => {
    const s = await stage();
    const change = { patient: s.patient.id, id: s.consultation };
    const say = (replaces: number, count: number) =>
      s.scene.one(
        s.scene.line(s.doctor, 'consultation:message', {
          ...change,
          replaces,
          count,
          head: digest(`message ${count}`),
        }),
      );
    expect(await say(1, 3)).to.include({ version: 2 });
    expect(await say(2, 3)).to.include({ code: 'VERSION_CONFLICT' });
    expect(await say(2, 4)).to.include({ version: 3 });
    await s.scene.does(s.patient, 'consultation:close', { ...change, replaces: 3 });
    expect(await say(4, 5)).to.include({ code: 'WRONG_STATE' });
  });

  it('are closed together with the end of their chain, which only grows', async () => {
    const s = await stage();
    const change = { patient: s.patient.id, id: s.consultation };
    const said = { ...change, count: 3, head: digest('message 3') };
    await s.scene.does(s.doctor, 'consultation:message', { ...said, replaces: 1 });
    const close = (count: number) => ({
      ...change,
      replaces: 2,
      anchor: { count, head: digest(`message ${count}`) },
    });
    for (const count of [2, 3]) {
      const fate = await s.scene.fate(s.doctor, 'consultation:close', close(count));
      expect(fate).to.equal('VERSION_CONFLICT');
    }
    await s.scene.does(s.patient, 'consultation:close', close(5));
    const closed = s.scene.read(keys.consultation(s.patient.id, s.consultation));
    expect(closed).to.include({ status: 'closed', count: 5, head: digest('message 5') });
    const bare = await stage();
    const args = { patient: bare.patient.id, id: bare.consultation, replaces: 1 };
    await bare.scene.does(bare.patient, 'consultation:close', args);
    const silent = bare.scene.read(keys.consultation(args.patient, args.id));
    expect(silent).to.include({ status: 'closed', count: 0 }).and.not.have.property('head');
  });
});

describe('keys', () => {
  const rotation = (who: Person, pair: KeyPair, id: string, replaces: number) => ({
    keys: { sign: pair.publicKey, seal: newKeyPair().publicKey },
    proof: Person.proof(pair, who.id, id),
    replaces,
  });

  it('are replaced under the same id by whoever proves to hold the new one', async () => {
    const s = await stage();
    const pair = newKeyPair();
    const id = nextId(s.scene.nowMs);
    const args = rotation(s.patient, pair, id, 1);
    await s.scene.does(s.patient, 'key:rotate', args, { id });
    const { kid } = policy(s);
    expect(s.scene.read(indexes.kid(kid))).to.deep.equal({ user: s.patient.id });
    const care = { doctor: s.otherDoctor.id, hospital: s.otherHospital.id };
    expect(await s.scene.fate(s.patient, 'care:request', care)).to.equal('KEY_NOT_CURRENT');
    s.patient.take(pair, newKeyPair());
    expect(await s.scene.fate(s.patient, 'care:request', care)).to.equal('applied');
  });

  it('are not replaced on the strength of a proof for something else', async () => {
    const s = await stage();
    const pair = newKeyPair();
    const id = nextId(s.scene.nowMs);
    const other = rotation(s.doctor, pair, id, 1);
    expect(await s.scene.fate(s.patient, 'key:rotate', other, { id })).to.equal('BAD_SIGNATURE');
    const same = rotation(s.patient, s.patient.signing, id, 1);
    expect(await s.scene.fate(s.patient, 'key:rotate', same, { id })).to.equal('ALREADY_EXISTS');
  });

  it('are recovered by two hospitals after the notice period', async () => {
    const s = await stage();
    const change = { user: s.stranger.id, proposal: s.seconded };
    const before = s.scene.read(keys.user(s.stranger.id));
    await s.scene.does(s.otherHospital, 'key:complete', change);
    const after = s.scene.read(keys.user(s.stranger.id));
    expect(after.keys).to.deep.equal(before.recovery?.keys);
    expect(after).to.include({ id: before.id, version: before.version + 1 });
    expect(after.recovery?.status).to.equal('completed');
    expect(await s.scene.fate(s.hospital, 'key:complete', change)).to.equal('WRONG_STATE');
  });

  it('are not recovered when the user objects, not even by the same proposal again', async () => {
    const s = await stage();
    await s.scene.does(s.stranger, 'key:object', { proposal: s.seconded });
    const change = { user: s.stranger.id, proposal: s.seconded };
    expect(await s.scene.fate(s.hospital, 'key:complete', change)).to.equal('WRONG_STATE');
    expect(await s.scene.fate(s.otherHospital, 'key:second', change)).to.equal('WRONG_STATE');
  });

  it('one re-keying at a time', async () => {
    const s = await stage();
    const pair = newKeyPair();
    const proofId = nextId(s.scene.nowMs);
    const args = {
      user: s.otherPatient.id,
      keys: { sign: pair.publicKey, seal: newKeyPair().publicKey },
      proof: Person.proof(pair, s.otherPatient.id, proofId),
      proofId,
    };
    expect(await s.scene.fate(s.otherHospital, 'key:propose', args)).to.equal('ALREADY_EXISTS');
    await s.scene.does(s.otherPatient, 'key:object', { proposal: s.proposal });
    expect(await s.scene.fate(s.otherHospital, 'key:propose', args)).to.equal('applied');
  });

  it('sign no operation that lives longer than its type allows', async () => {
    const s = await stage();
    const long = { expiresAt: s.scene.nowMs + 11 * 60 * 1000 };
    const object = { proposal: s.proposal };
    expect(await s.scene.fate(s.otherPatient, 'key:object', object, long)).to.equal(
      'LIFE_TOO_LONG',
    );
    const none = { expiresAt: s.scene.nowMs };
    expect(await s.scene.fate(s.otherPatient, 'key:object', object, none)).to.equal(
      'LIFE_TOO_LONG',
    );
  });
});
