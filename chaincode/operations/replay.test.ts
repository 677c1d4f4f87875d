// The same bytes twice: the first receipt again, and never a second effect.

import { expect } from 'chai';
import { MAX_LIFE_MS, type Receipt } from '../model/index.js';
import { keys } from '../state/index.js';
import {
  DAY_MS,
  fateIn,
  HOUR_MS,
  newKeyPair,
  nextId,
  permit,
  Person,
  reportTerms,
  stage,
  TEN_MINUTES_MS,
  type Stage,
} from '../testkit/index.js';

const grantLine = (s: Stage, lifeMs = TEN_MINUTES_MS) =>
  s.scene.line(
    s.patient,
    'consent:grant',
    { patient: s.patient.id, terms: permit(s.newDoctor.id) },
    { expiresAt: s.scene.nowMs + lifeMs },
  );

const revoke = (s: Stage, id: string, epoch: number) =>
  s.scene.does(s.patient, 'consent:revoke', {
    patient: s.patient.id,
    id,
    replaces: 1,
    epoch: { number: epoch, key: newKeyPair().publicKey },
  });

const consentOf = (s: Stage, id: string) => {
  const patient = s.scene.read(keys.user(s.patient.id));
  return patient.role === 'patient' ? patient.consents.find((c) => c.id === id) : undefined;
};

describe('replays', () => {
  it('gives the first receipt again and writes nothing, for making and for changing', async () => {
    const s = await stage();
    const change = { patient: s.patient.id, id: s.care, replaces: 2 };
    const lines = [
      grantLine(s),
      s.scene.line(s.doctor, 'care:end', change),
      s.scene.line(s.patient, 'report:anchor', { patient: s.patient.id, report: reportTerms() }),
      s.scene.line(s.otherDoctor, 'access:request', {
        patient: s.patient.id,
        report: s.report,
        action: 'view',
        purpose: 'treatment',
        actingFor: s.otherHospital.id,
      }),
    ];
    const first = await s.scene.apply(...lines);
    expect(first.map(fateIn)).to.deep.equal(lines.map(() => 'applied'));
    const world = s.scene.ledger.dump();
    const again = await s.scene.simulate(lines);
    expect(again.receipts).to.deep.equal(first);
    expect(again.stub.puts).to.deep.equal([]);
    expect(s.scene.ledger.dump()).to.deep.equal(world);
  });

  it('gives it after expiry too, but applies nothing late', async () => {
    const s = await stage();
    const [applied, never] = [grantLine(s), grantLine(s)];
    const first = await s.scene.one(applied);
    s.scene.pass(TEN_MINUTES_MS);
    expect(await s.scene.one(applied)).to.deep.equal(first);
    expect(fateIn(await s.scene.one(never))).to.equal('EXPIRED');
  });

  it('says EXPIRED, which is final, whatever else stands against a late operation', async () => {
    const s = await stage();
    const line = s.scene.line(s.doctor, 'care:end', {
      patient: s.patient.id,
      id: s.care,
      replaces: 77,
    });
    expect(fateIn(await s.scene.one(line))).to.equal('VERSION_CONFLICT');
    s.scene.pass(TEN_MINUTES_MS);
    expect(fateIn(await s.scene.one(line))).to.equal('EXPIRED');
  });

  it('does not grant again what has been revoked', async () => {
    const s = await stage();
    const line = grantLine(s, MAX_LIFE_MS);
    const { id } = await s.scene.one(line);
    await revoke(s, id, 2);
    expect(fateIn(await s.scene.one(line))).to.equal('applied');
    expect(consentOf(s, id)?.status).to.equal('revoked');
  });

  it('does not grant it again after the ended entry has been forgotten', async () => {
    const s = await stage();
    const line = grantLine(s);
    const { id } = await s.scene.one(line);
    await revoke(s, id, 2);
    s.scene.pass(TEN_MINUTES_MS + HOUR_MS);
    await s.scene.one(grantLine(s));
    expect(consentOf(s, id), 'forgotten').to.equal(undefined);
    expect(fateIn(await s.scene.one(line))).to.equal('EXPIRED');
    expect(consentOf(s, id)).to.equal(undefined);
  });

  it('keeps an ended entry as long as the operation that made it lives', async () => {
    const s = await stage();
    const line = grantLine(s, MAX_LIFE_MS);
    const { id } = await s.scene.one(line);
    await revoke(s, id, 2);
    s.scene.pass(DAY_MS - HOUR_MS);
    await s.scene.one(grantLine(s));
    expect(consentOf(s, id)?.status).to.equal('revoked');
    expect(fateIn(await s.scene.one(line))).to.equal('applied');
    expect(consentOf(s, id)?.status).to.equal('revoked');
  });

  it('is known by its bytes when the key that signed it has been replaced', async () => {
    const s = await stage();
    const [before, unused] = [grantLine(s), grantLine(s)];
    const first = await s.scene.one(before);
    await rotate(s, s.patient);
    expect(await s.scene.one(before)).to.deep.equal(first);
    expect(fateIn(await s.scene.one(unused))).to.equal('KEY_NOT_CURRENT');
  });

  it('gives a registration its first receipt, before and after a rotation', async () => {
    const s = await stage();
    const line = s.scene.line(s.nobody, 'user:register', { role: 'relative', keys: s.nobody.keys });
    const first = await s.scene.one(line);
    expect(await s.scene.one(line)).to.deep.equal(first);
    await rotate(s, s.nobody);
    expect(await s.scene.one(line)).to.deep.equal(first);
  });

  it('gives no receipt to somebody else’s signature', async () => {
    const s = await stage();
    const line = grantLine(s);
    await s.scene.one(line);
    const forged = line.replace(/"[^"]{86}"}$/, `"${'A'.repeat(86)}"}`);
    expect(fateIn(await s.scene.one(forged))).to.equal('BAD_SIGNATURE');
  });

  it('does not bring back a request to be affiliated, even from a clock that runs ahead', async () => {
    const s = await stage();
    const ahead = { issuedAt: s.scene.nowMs + 60_000 };
    const line = s.scene.line(
      s.otherDoctor,
      'affiliation:request',
      { hospital: s.hospital.id },
      ahead,
    );
    await s.scene.one(line);
    await s.scene.does(s.hospital, 'affiliation:refuse', { doctor: s.otherDoctor.id, replaces: 1 });
    expect(fateIn(await s.scene.one(line))).to.equal('VERSION_CONFLICT');
    s.scene.pass(2 * 60_000);
    const anew = { hospital: s.hospital.id };
    expect(await s.scene.fate(s.otherDoctor, 'affiliation:request', anew)).to.equal('applied');
  });

  it('keeps a trace as it was: a replayed access is not decided again', async () => {
    const s = await stage();
    const line = s.scene.line(s.otherDoctor, 'access:request', {
      patient: s.patient.id,
      report: s.report,
      action: 'view',
      purpose: 'treatment',
      actingFor: s.otherHospital.id,
    });
    const first: Receipt = await s.scene.one(line);
    await revoke(s, s.consent, 2);
    expect(await s.scene.one(line)).to.deep.equal(first);
    const { id } = first;
    expect(s.scene.read(keys.access(s.patient.id, id)).outcome.decision).to.equal('permit');
  });
});

async function rotate(s: Stage, who: Person): Promise<void> {
  const [signing, sealing] = [newKeyPair(), newKeyPair()];
  const id = nextId(s.scene.nowMs);
  await s.scene.does(
    who,
    'key:rotate',
    {
      keys: { sign: signing.publicKey, seal: sealing.publicKey },
      proof: Person.proof(signing, who.id, id),
      replaces: s.scene.read(keys.user(who.id)).version,
    },
    { id },
  );
  who.take(signing, sealing);
}
