// Emergencies on the ledger: whose they are, how long they open a record, and how late a read in one may be anchored.

import { expect } from 'chai';
import {
  DAY_MS,
  digest,
  HOUR_MS,
  newKeyPair,
  nextId,
  permit,
  stage,
  type Stage,
} from '../testkit/index.js';

const epoch = (number: number) => ({ number, key: newKeyPair().publicKey });

describe('emergencies', () => {
  const read = (s: Stage, over: { actingFor?: string; action?: 'view' | 'download' } = {}) =>
    s.scene.fate(s.otherDoctor, 'access:request', {
      patient: s.patient.id,
      report: s.ownReport,
      action: 'view',
      purpose: 'emergency',
      actingFor: s.otherHospital.id,
      emergency: s.emergency,
      ...over,
    });

  it('open for looking only, for the doctor and hospital that declared them', async () => {
    const s = await stage();
    expect(await read(s)).to.equal('applied');
    expect(await read(s, { action: 'download' })).to.equal('NO_CONSENT');
    await s.scene.does(s.otherDoctor, 'affiliation:request', { hospital: s.hospital.id });
    const authorise = { doctor: s.otherDoctor.id, replaces: 1 };
    await s.scene.does(s.hospital, 'affiliation:authorise', authorise);
    expect(await read(s, { actingFor: s.hospital.id })).to.equal('EMERGENCY_OVER');
  });

  it('are anchored late, up to a day, when they were read in their window', async () => {
    const s = await stage();
    const life = (lifeMs: number, issuedAt = s.scene.nowMs) => ({
      issuedAt,
      expiresAt: issuedAt + lifeMs,
    });
    const args = {
      patient: s.patient.id,
      report: s.ownReport,
      action: 'view',
      purpose: 'emergency',
      actingFor: s.otherHospital.id,
    } as const;
    const urgent = { ...args, emergency: s.emergency };
    const inWindow = s.scene.line(s.otherDoctor, 'access:request', urgent, life(DAY_MS));
    const afterIssuedAt = s.scene.nowMs + s.scene.genesis.emergencyWindowMs;
    const short = s.scene.line(s.otherDoctor, 'access:request', args, life(DAY_MS));
    expect(await s.scene.fateOf(short)).to.equal('LIFE_TOO_LONG');
    s.scene.pass(DAY_MS - 1);
    const after = life(DAY_MS, afterIssuedAt);
    expect(await s.scene.fateOf(inWindow)).to.equal('applied');
    expect(await s.scene.fate(s.otherDoctor, 'access:request', urgent, after)).to.equal(
      'EMERGENCY_OVER',
    );
    s.scene.pass(1);
    expect(await s.scene.fateOf(inWindow)).to.equal('EXPIRED');
  });

  it('never lend their long life to a consent that has run out', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const notAfter = s.scene.nowMs + HOUR_MS;
    const terms = permit(s.doctor.id, { purposes: ['treatment', 'emergency'], notAfter });
    await s.scene.does(s.patient, 'consent:grant', { patient, terms });
    const issuedAt = s.scene.nowMs;
    s.scene.pass(2 * HOUR_MS);
    for (const purpose of ['treatment', 'emergency'] as const) {
      const args = {
        patient,
        report: s.ownReport,
        action: 'view',
        purpose,
        actingFor: s.hospital.id,
      } as const;
      const late = { issuedAt, expiresAt: issuedAt + DAY_MS };
      const relied = { ...args, emergency: nextId(issuedAt) };
      expect(await s.scene.fate(s.doctor, 'access:request', args, late)).to.equal('LIFE_TOO_LONG');
      expect(await s.scene.fate(s.doctor, 'access:request', relied, late)).to.equal(
        purpose === 'emergency' ? 'EMERGENCY_OVER' : 'NO_CONSENT',
      );
    }
  });

  it('are the chosen hospital’s: nothing opens in its name once another is chosen', async () => {
    const s = await stage();
    const change = { escrow: s.hospital.id, replaces: 1, epoch: epoch(2) };
    await s.scene.does(s.patient, 'user:escrow', change);
    expect(await read(s)).to.equal('NOT_ESCROW');
    await s.scene.does(s.patient, 'user:escrow', { escrow: null, replaces: 2, epoch: epoch(3) });
    expect(await read(s)).to.equal('EMERGENCY_OPTED_OUT');
  });

  it('are reviewed once, and objected to once', async () => {
    const s = await stage();
    const change = { patient: s.patient.id, id: s.emergency };
    const verdict = { verdict: 'unjustified', note: digest('why') } as const;
    await s.scene.does(s.auditor, 'access:review', { ...change, replaces: 1, ...verdict });
    const twice = { ...change, replaces: 2, ...verdict };
    expect(await s.scene.fate(s.otherHospital, 'access:review', twice)).to.equal('WRONG_STATE');
    await s.scene.does(s.patient, 'access:object', { ...change, replaces: 2 });
    const again = { ...change, replaces: 3 };
    expect(await s.scene.fate(s.guardian, 'access:object', again)).to.equal('ALREADY_EXISTS');
  });
});
