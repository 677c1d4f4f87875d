// Who is there: hospitals and their admission, registration of everybody else.

import { type ArgumentsOf, type Auditor, type Hospital, type User } from '../model/index.js';
import { isActingHospital, isAdmitted } from '../rules/index.js';
import { isPoint, kidOf } from '../signatures/index.js';
import { indexes, keys, THERE } from '../state/index.js';
import {
  changed,
  changedBefore,
  find,
  findHospital,
  made,
  must,
  mustBe,
  Refused,
  type Applied,
  type Call,
  type Definition,
} from './call.js';
import { advanceEpoch, mustSee, putPatient } from './policy.js';

/** Registration, of a hospital or anybody else, is signed with the very key that it names: the actor's id is its hash. */
async function enrol(
  call: Call<'hospital:register'> | Call<'user:register'>,
  build: () => Promise<User> | User,
): Promise<Applied> {
  const { world, envelope, args } = call;
  const existing = await world.get(keys.user(envelope.actor));
  if (existing) {
    mustBe(existing.created === call.hash, 'ALREADY_EXISTS');
    return { version: 1, again: true };
  }
  mustBe(isPoint(args.keys.seal) && args.keys.seal !== args.keys.sign, 'MALFORMED');
  const user = await build();
  world.put(keys.user(user.id), user);
  world.put(indexes.role(user.role, user.id), THERE);
  return { version: 1 };
}

const registerHospital: Definition<'hospital:register'> = {
  apply: (call) =>
    enrol(call, () => ({
      ...holder(call),
      role: 'hospital',
      profile: call.args.profile,
      admitted: call.genesis.hospitals.includes(call.envelope.actor),
      votes: [],
    })),
};

const registerUser: Definition<'user:register'> = {
  apply: (call) => enrol(call, () => userFrom(call, call.args)),
};

async function userFrom(
  call: Call<'user:register'>,
  args: ArgumentsOf<'user:register'>,
): Promise<User> {
  const base = holder(call);
  switch (args.role) {
    case 'doctor':
      return { ...base, role: 'doctor', profile: args.profile };
    case 'relative':
      return { ...base, role: 'relative' };
    case 'auditor':
      return { ...base, role: 'auditor', profile: args.profile, admitted: false, votes: [] };
    case 'patient': {
      mustBe(isPoint(args.epoch.key), 'MALFORMED');
      if (args.escrow !== null) must(isAdmitted(await findHospital(call, args.escrow)));
      return {
        ...base,
        role: 'patient',
        epoch: args.epoch,
        escrow: args.escrow,
        consents: [],
        kin: [],
        care: [],
      };
    }
  }
}

function holder(call: Call<'hospital:register'> | Call<'user:register'>) {
  const { envelope, args } = call;
  return {
    ...made(call),
    id: envelope.actor,
    keys: args.keys,
    kid: kidOf(args.keys.sign),
    registeredAt: envelope.issuedAt,
  };
}

/** A later hospital, or an auditor, is admitted when more than half of the admitted hospitals have voted for it. */
const vote: Definition<'hospital:vote'> = {
  async apply(call) {
    const { world, actor, args } = call;
    const candidate = await find(call, keys.user(args.candidate));
    if (candidate.role !== 'hospital' && candidate.role !== 'auditor')
      throw new Refused('WRONG_ROLE');
    const standing: Hospital | Auditor = candidate;
    if (standing.last.hash === call.hash) return { version: standing.version, again: true };
    must(isActingHospital(actor));
    mustBe(!standing.admitted && !standing.votes.includes(actor.id), 'ALREADY_EXISTS');

    const consortium = await find(call, keys.consortium);
    const votes = [...standing.votes, actor.id];
    const counted = votes.filter((voter) => consortium.hospitals.includes(voter)).length;
    const admitted = counted * 2 > consortium.hospitals.length;
    const after = { ...standing, ...changed(call, standing), votes, admitted };
    world.put(keys.user(after.id), after);
    if (admitted && after.role === 'hospital') {
      world.put(keys.consortium, { hospitals: [...consortium.hospitals, after.id] });
    }
    return { version: after.version };
  },
};

/** Which hospital may open the record in an emergency. The one that could until now loses it with a new epoch. */
const chooseEscrow: Definition<'user:escrow'> = {
  async apply(call) {
    const { actor: patient, args } = call;
    if (patient.role !== 'patient') throw new Refused('WRONG_ROLE');
    const again = changedBefore(call, patient, args.replaces);
    if (again) return again;
    if (args.escrow !== null) must(isAdmitted(await findHospital(call, args.escrow)));
    mustSee(patient, args);
    const leaves = patient.escrow !== null && patient.escrow !== args.escrow;
    const after = {
      ...advanceEpoch(patient, args.epoch, leaves || 'at will'),
      ...changed(call, patient),
      escrow: args.escrow,
    };
    putPatient(call, after);
    return { version: after.version };
  },
};

export const users = {
  'hospital:register': registerHospital,
  'hospital:vote': vote,
  'user:register': registerUser,
  'user:escrow': chooseEscrow,
};
