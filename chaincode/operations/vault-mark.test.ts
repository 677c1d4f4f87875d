// Two who change the circle of a vault at the same time, at different gateways: the second has seen something else.

import { expect } from 'chai';
import type { Patient } from '../model/index.js';
import { keys } from '../state/index.js';
import { newKeyPair, permit, stage, type Stage } from '../testkit/index.js';
import { vaultMark } from './index.js';

const policy = (s: Stage): Patient => {
  const user = s.scene.read(keys.user(s.patient.id));
  if (user.role !== 'patient') throw new Error('not a patient');
  return user;
};
const markOf = (s: Stage): string => vaultMark(policy(s));
const epoch = () => ({ number: 2, key: newKeyPair().publicKey });

describe('the vault as it was seen', () => {
  it('lets a grant through while it is so, and not beside a new epoch', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const grant = s.scene.line(s.patient, 'consent:grant', {
      patient,
      terms: permit(s.doctor.id),
      vault: markOf(s),
    });
    const link = s.scene.line(s.patient, 'kin:link', {
      patient,
      relative: s.stranger.id,
      rights: ['consent'],
      vault: markOf(s),
    });
    for (const line of [grant, link]) expect(await s.scene.fateOf(line)).to.equal('applied');
    const revocation = { patient, id: s.consent, replaces: 1, epoch: epoch(), vault: markOf(s) };
    await s.scene.does(s.patient, 'consent:revoke', revocation);
    for (const line of [grant, link])
      expect(await s.scene.fateOf(line)).to.equal('VERSION_CONFLICT');
  });

  it('lets no new epoch through beside a grant: its grantee would not have the new key', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const change = { patient, replaces: 1, epoch: epoch(), vault: markOf(s) };
    const consenter = policy(s).kin.find((k) => k.relative === s.consenter.id)?.id ?? '';
    const renewals = [
      s.scene.line(s.patient, 'consent:revoke', { ...change, id: s.consent }),
      s.scene.line(s.patient, 'consent:amend', {
        ...change,
        id: s.consent,
        terms: permit(s.otherDoctor.id, { actions: ['upload'] }),
      }),
      s.scene.line(s.patient, 'kin:end', { ...change, id: consenter }),
      s.scene.line(s.patient, 'kin:amend', { ...change, id: consenter, rights: ['view'] }),
      s.scene.line(s.patient, 'user:escrow', {
        escrow: null,
        replaces: 1,
        epoch: change.epoch,
        vault: change.vault,
      }),
    ];
    for (const line of renewals) expect(await s.scene.fateOf(line)).to.equal('applied');
    await s.scene.does(s.patient, 'consent:grant', { patient, terms: permit(s.doctor.id) });
    for (const line of renewals) expect(await s.scene.fateOf(line)).to.equal('VERSION_CONFLICT');
  });

  it('changes with epoch, escrow hospital and holders, and with nothing else', async () => {
    const s = await stage();
    const patient = s.patient.id;
    const before = markOf(s);
    const partial = permit(s.doctor.id, { scope: { kind: 'selective', reports: [s.report] } });
    const id = await s.scene.does(s.patient, 'consent:grant', { patient, terms: partial });
    await s.scene.does(s.patient, 'care:end', { patient, id: s.care, replaces: 2 });
    await s.scene.does(s.patient, 'consent:grant', {
      patient,
      terms: permit(s.newDoctor.id, { effect: 'deny' }),
    });
    expect(markOf(s)).to.equal(before);
    await s.scene.does(s.patient, 'consent:amend', {
      patient,
      id,
      replaces: 1,
      terms: permit(s.doctor.id),
    });
    const granted = markOf(s);
    expect(granted).to.not.equal(before);
    await s.scene.does(s.otherPatient, 'user:escrow', { escrow: s.hospital.id, replaces: 1 });
    const other = s.scene.read(keys.user(s.otherPatient.id)) as Patient;
    expect(vaultMark(other)).to.not.equal(vaultMark({ ...other, escrow: null }));
  });
});
