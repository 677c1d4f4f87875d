// Relatives who sign for a patient: what they may not choose, how long their rights last, and how much room they take.

import { expect } from 'chai';
import { LIMITS, MAX_LIFE_MS, OPERATION_TYPES, SHORT_LIFE_MS } from '../model/index.js';
import { keys } from '../state/index.js';
import {
  DAY_MS,
  HOUR_MS,
  newKeyPair,
  permit,
  Person,
  reportTerms,
  stage,
  START_MS,
  type Stage,
} from '../testkit/index.js';
import { lifeMsOf } from './index.js';

const GUARDIAN_UNTIL = START_MS + 365 * DAY_MS;

function policy(s: Stage) {
  const user = s.scene.read(keys.user(s.patient.id));
  if (user.role !== 'patient') throw new Error('not a patient');
  return user;
}

const epoch = (number: number) => ({ number, key: newKeyPair().publicKey });

/** A relative who is on the ledger and has no link yet. */
async function newRelative(s: Stage): Promise<Person> {
  const who = new Person();
  await s.scene.does(who, 'user:register', { role: 'relative', keys: who.keys });
  return who;
}

describe('a relative with `consent`', () => {
  it('neither ends nor changes full access: whoever does that chooses the vault’s next key', async () => {
    const s = await stage();
    const change = { patient: s.patient.id, id: s.consent, replaces: 1 };
    const less = permit(s.otherDoctor.id, { scope: { kind: 'selective', reports: [s.report] } });
    for (const over of [{}, { epoch: epoch(2) }]) {
      const args = { ...change, ...over };
      expect(await s.scene.fate(s.consenter, 'consent:revoke', args)).to.equal('NO_KIN_RIGHT');
      const amended = { ...args, terms: less };
      expect(await s.scene.fate(s.consenter, 'consent:amend', amended)).to.equal('NO_KIN_RIGHT');
    }
    const renewed = { ...change, epoch: epoch(2) };
    expect(await s.scene.fate(s.guardian, 'consent:revoke', renewed)).to.equal('applied');
  });

  it('ends and changes what gives no full access', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const terms = permit(s.doctor.id, { scope: { kind: 'selective', reports: [s.report] } });
    const id = await s.scene.does(s.patient, 'consent:grant', { patient, terms });
    const change = { patient, id, replaces: 1 };
    expect(await s.scene.fate(s.consenter, 'consent:revoke', change)).to.equal('applied');
    const more = { ...change, terms: { ...terms, actions: ['share' as const] } };
    expect(await s.scene.fate(s.consenter, 'consent:amend', more)).to.equal('applied');
  });
});

describe('what relatives sign', () => {
  it('lives ten minutes, whatever its type; a registration as long as anybody’s', () => {
    for (const type of OPERATION_TYPES) {
      const expected = type === 'user:register' ? MAX_LIFE_MS : SHORT_LIFE_MS;
      expect(lifeMsOf(type, { emergency: 'e' }, 'relative'), type).to.equal(expected);
    }
    expect(lifeMsOf('report:erase', {}, 'patient')).to.equal(MAX_LIFE_MS);
    expect(lifeMsOf('report:erase', {})).to.equal(MAX_LIFE_MS);
  });

  it('can’t be dated back to before a link’s end', async () => {
    const s = await stage();
    const erase = { patient: s.patient.id, id: s.report, replaces: 1 };
    const long = (issuedAt: number) => ({ issuedAt, expiresAt: issuedAt + DAY_MS });
    s.scene.nowMs = GUARDIAN_UNTIL + HOUR_MS;
    const back = long(GUARDIAN_UNTIL - 1);
    expect(await s.scene.fate(s.guardian, 'report:erase', erase, back)).to.equal('LIFE_TOO_LONG');
    expect(await s.scene.fate(s.patient, 'report:erase', erase, back)).to.equal('applied');
    const care = { patient: s.patient.id, id: s.care, replaces: 2 };
    expect(await s.scene.fate(s.guardian, 'care:end', care, back)).to.equal('LIFE_TOO_LONG');
    const terms = permit(s.doctor.id);
    const grant = { patient: s.patient.id, terms };
    expect(await s.scene.fate(s.guardian, 'consent:grant', grant, back)).to.equal('LIFE_TOO_LONG');
  });

  it('a registration that lived a day gets its first receipt again', async () => {
    const s = await stage();
    const who = new Person();
    const line = s.scene.line(
      who,
      'user:register',
      { role: 'relative', keys: who.keys },
      { expiresAt: s.scene.nowMs + MAX_LIFE_MS },
    );
    const first = await s.scene.one(line);
    expect(first).to.include({ status: 'applied' });
    expect(await s.scene.one(line)).to.deep.equal(first);
  });
});

describe('a guardian', () => {
  it('names guardians and relatives who consent for no longer than they are guardian', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const link = (who: Person, right: 'guardian' | 'consent' | 'keep', notAfter?: number) =>
      s.scene.fate(who, 'kin:link', {
        patient,
        relative: s.stranger.id,
        rights: [right],
        ...(notAfter !== undefined && { notAfter }),
      });
    expect(await link(s.guardian, 'guardian', GUARDIAN_UNTIL + 1)).to.equal('END_REQUIRED');
    expect(await link(s.guardian, 'consent', GUARDIAN_UNTIL + 1)).to.equal('END_REQUIRED');
    expect(await link(s.guardian, 'consent')).to.equal('END_REQUIRED');
    expect(await link(s.guardian, 'guardian', GUARDIAN_UNTIL)).to.equal('applied');
    expect(await link(s.guardian, 'consent', GUARDIAN_UNTIL)).to.equal('applied');
    expect(await link(s.guardian, 'keep')).to.equal('applied');
    expect(await link(s.patient, 'guardian', GUARDIAN_UNTIL + 1)).to.equal('applied');
    expect(await link(s.patient, 'consent')).to.equal('applied');
  });

  it('prolongs no link beyond that either', async () => {
    const s = await stage();
    const change = { patient: s.patient.id, id: s.keeperLink, replaces: 1 };
    const amend = (who: Person, notAfter: number) =>
      s.scene.fate(who, 'kin:amend', { ...change, rights: ['guardian'], notAfter });
    expect(await amend(s.guardian, GUARDIAN_UNTIL + 1)).to.equal('END_REQUIRED');
    expect(await amend(s.guardian, GUARDIAN_UNTIL)).to.equal('applied');
    expect(await amend(s.patient, GUARDIAN_UNTIL + 1)).to.equal('applied');
  });
});

describe('a policy document', () => {
  it('keeps half of its consents for the patient', async () => {
    const s = await stage();
    const args = { patient: s.patient.id, terms: permit(s.doctor.id, { effect: 'deny' }) };
    const by = (who: Person) => s.scene.line(who, 'consent:grant', args);
    const half = LIMITS.consents / 2;
    await s.scene.apply(...Array.from({ length: half - 1 }, () => by(s.consenter)));
    expect(await s.scene.fateOf(by(s.guardian)), 'the last that fits').to.equal('applied');
    await s.scene.apply(by(s.consenter));
    expect(await s.scene.fateOf(by(s.consenter))).to.equal('LIMIT_REACHED');
    expect(await s.scene.fateOf(by(s.guardian))).to.equal('LIMIT_REACHED');
    expect(await s.scene.fateOf(by(s.patient))).to.equal('applied');
  });

  it('keeps half of its kin for the patient', async () => {
    const s = await stage();
    const room = LIMITS.kin / 2;
    for (let i = 0; i < room; i++) await link(s, s.guardian, await newRelative(s));
    expect(policy(s).kin.filter((k) => k.by === s.guardian.id)).to.have.length(room);
    const args = {
      patient: s.patient.id,
      relative: (await newRelative(s)).id,
      rights: ['view' as const],
    };
    expect(await s.scene.fate(s.guardian, 'kin:link', args)).to.equal('LIMIT_REACHED');
    expect(await s.scene.fate(s.patient, 'kin:link', args)).to.equal('applied');
  });
});

const link = (s: Stage, by: Person, relative: Person) =>
  s.scene.does(by, 'kin:link', {
    patient: s.patient.id,
    relative: relative.id,
    rights: ['view'],
  });

describe('a relative who has uploaded', () => {
  it('corrects it only while the link with `keep` lasts', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const report = reportTerms();
    const id = await s.scene.does(s.keeper, 'report:anchor', { patient, report });
    const change = { patient, id, replaces: 1 };
    const fates = async () => [
      await s.scene.fate(s.keeper, 'report:withdraw', change),
      await s.scene.fate(s.keeper, 'report:supersede', { ...change, report }),
    ];
    expect(await fates()).to.deep.equal(['applied', 'applied']);
    const less = { patient, id: s.keeperLink, replaces: 1, rights: ['view' as const] };
    await s.scene.does(s.patient, 'kin:amend', less);
    expect(await fates()).to.deep.equal(['NO_KIN_RIGHT', 'NO_KIN_RIGHT']);
    const more = { ...less, replaces: 2, rights: ['keep' as const] };
    await s.scene.does(s.patient, 'kin:amend', more);
    expect(await fates()).to.deep.equal(['applied', 'applied']);
    await s.scene.does(s.patient, 'kin:end', { patient, id: s.keeperLink, replaces: 3 });
    expect(await fates()).to.deep.equal(['NO_KIN_RIGHT', 'NO_KIN_RIGHT']);
  });
});
