// Who stands near a patient: doctors in whose care they are, relatives with their rights. Entries of the policy document.

import type { Care, KinLink } from '../model/index.js';
import {
  actsForPatient,
  holdsVault,
  mayManageKin,
  soundRights,
  standsFor,
  withinOwnEnd,
} from '../rules/index.js';
import { indexes, keys, THERE } from '../state/index.js';
import {
  changed,
  changedBefore,
  find,
  findPatient,
  madeBefore,
  must,
  mustBe,
  Refused,
  standing,
  type Applied,
  type Call,
  type Definition,
} from './call.js';
import {
  addEntry,
  advanceEpoch,
  entryOf,
  mustSee,
  newEntry,
  putPatient,
  replaceEntry,
} from './policy.js';

const requestCare: Definition<'care:request'> = {
  async apply(call) {
    const { actor, args, envelope, world } = call;
    if (actor.role !== 'patient') throw new Refused('WRONG_ROLE');
    const again = madeBefore(
      call,
      actor.care.find((c) => c.id === envelope.id),
    );
    if (again) return again;
    const doctor = await find(call, keys.user(args.doctor));
    mustBe(doctor.role === 'doctor', 'NOT_FOUND');
    must(standsFor(doctor, args.hospital, await standing(call, doctor, args.hospital)));
    const open = actor.care.some(
      (c) =>
        c.doctor === args.doctor &&
        c.hospital === args.hospital &&
        (c.status === 'requested' || c.status === 'approved'),
    );
    mustBe(!open, 'ALREADY_EXISTS');
    const care: Care = {
      ...newEntry(call),
      status: 'requested',
      doctor: args.doctor,
      hospital: args.hospital,
    };
    putPatient(call, addEntry(call, actor, 'care', care));
    world.put(indexes.patientsOf(args.doctor, actor.id), THERE);
    return { version: 1 };
  },
};

type CareChange = 'care:approve' | 'care:refuse' | 'care:end';

async function moveCare(
  call: Call<CareChange>,
  from: Care['status'],
  to: Care['status'],
): Promise<Applied> {
  const { actor, args } = call;
  const patient = await findPatient(call, args.patient);
  const care = entryOf(patient, 'care', args.id);
  const again = changedBefore(call, care, args.replaces);
  if (again) return again;
  const bySelf =
    to === 'ended' && actsForPatient(patient, actor, 'guardian', call.envelope.issuedAt).permit;
  mustBe(bySelf || actor.id === care.doctor, 'NOT_OWNER');
  if (to === 'approved')
    must(standsFor(actor, care.hospital, await standing(call, actor, care.hospital)));
  mustBe(care.status === from || (to === 'ended' && care.status === 'requested'), 'WRONG_STATE');
  const after = { ...care, ...changed(call, care), status: to };
  putPatient(call, replaceEntry(patient, 'care', after));
  return { version: after.version };
}

const linkKin: Definition<'kin:link'> = {
  async apply(call) {
    const { actor, args, envelope, world } = call;
    const patient = await findPatient(call, args.patient);
    const again = madeBefore(
      call,
      patient.kin.find((k) => k.id === envelope.id),
    );
    if (again) return again;
    must(mayManageKin(patient, actor, envelope.issuedAt));
    must(soundRights(args.rights, args.notAfter));
    must(withinOwnEnd(patient, actor, args.rights, args.notAfter, envelope.issuedAt));
    mustBe((await find(call, keys.user(args.relative))).role === 'relative', 'NOT_FOUND');
    mustBe(
      !patient.kin.some((k) => k.relative === args.relative && k.status === 'active'),
      'ALREADY_EXISTS',
    );
    mustSee(patient, args);
    const link: KinLink = {
      ...newEntry(call),
      status: 'active',
      relative: args.relative,
      rights: args.rights,
      by: actor.id,
      ...(args.notAfter !== undefined && { notAfter: args.notAfter }),
    };
    putPatient(call, addEntry(call, patient, 'kin', link));
    world.put(indexes.kinOf(args.relative, patient.id), THERE);
    return { version: 1 };
  },
};

const amendKin: Definition<'kin:amend'> = {
  async apply(call) {
    const { actor, args, envelope } = call;
    const patient = await findPatient(call, args.patient);
    const link = entryOf(patient, 'kin', args.id);
    const again = changedBefore(call, link, args.replaces);
    if (again) return again;
    must(mayManageKin(patient, actor, envelope.issuedAt));
    // A guardian who could move their own end date would have none.
    mustBe(link.relative !== actor.id, 'NOT_OWNER');
    must(soundRights(args.rights, args.notAfter));
    must(withinOwnEnd(patient, actor, args.rights, args.notAfter, envelope.issuedAt));
    mustBe(link.status === 'active', 'WRONG_STATE');
    mustSee(patient, args);
    const { notAfter: _dropped, ...rest } = link;
    const after: KinLink = {
      ...rest,
      ...changed(call, link),
      rights: args.rights,
      by: actor.id,
      ...(args.notAfter !== undefined && { notAfter: args.notAfter }),
    };
    const losesVault = holdsVault(link.rights) && !holdsVault(args.rights);
    putPatient(call, replaceEntry(advanceEpoch(patient, args.epoch, losesVault), 'kin', after));
    return { version: after.version };
  },
};

/** By the patient, a guardian, or the relative, who may always step back. */
const endKin: Definition<'kin:end'> = {
  async apply(call) {
    const { actor, args, envelope } = call;
    const patient = await findPatient(call, args.patient);
    const link = entryOf(patient, 'kin', args.id);
    const again = changedBefore(call, link, args.replaces);
    if (again) return again;
    // Who steps back must not choose the vault's next key: they would hold it.
    if (link.relative === actor.id) mustBe(args.epoch === undefined, 'NOT_OWNER');
    else must(mayManageKin(patient, actor, envelope.issuedAt));
    mustBe(link.status === 'active', 'WRONG_STATE');
    mustSee(patient, args);
    const losesVault = holdsVault(link.rights) && link.relative !== actor.id;
    const after = { ...link, ...changed(call, link), status: 'ended' as const };
    putPatient(call, replaceEntry(advanceEpoch(patient, args.epoch, losesVault), 'kin', after));
    return { version: after.version };
  },
};

export const relations = {
  'care:request': requestCare,
  'care:approve': {
    apply: (call) => moveCare(call, 'requested', 'approved'),
  } satisfies Definition<'care:approve'>,
  'care:refuse': {
    apply: (call) => moveCare(call, 'requested', 'refused'),
  } satisfies Definition<'care:refuse'>,
  'care:end': {
    apply: (call) => moveCare(call, 'approved', 'ended'),
  } satisfies Definition<'care:end'>,
  'kin:link': linkKin,
  'kin:amend': amendKin,
  'kin:end': endKin,
};
