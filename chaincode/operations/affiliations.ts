// Doctors and the hospitals that they work for: asked by the doctor, decided by the hospital.

import type { Affiliation, OperationType } from '../model/index.js';
import { isActingHospital, isAdmitted } from '../rules/index.js';
import { indexes, keys, THERE } from '../state/index.js';
import {
  changed,
  changedBefore,
  find,
  findHospital,
  made,
  must,
  mustBe,
  type Applied,
  type Call,
  type Definition,
} from './call.js';

const request: Definition<'affiliation:request'> = {
  async apply(call) {
    const { actor, args, world } = call;
    const key = keys.affiliation(args.hospital, actor.id);
    const existing = await world.get(key);
    if (existing?.last.id === call.envelope.id) {
      mustBe(existing.last.hash === call.hash, 'ID_REUSED');
      return { version: existing.version, again: true };
    }
    mustBe(actor.role === 'doctor', 'WRONG_ROLE');
    must(isAdmitted(await findHospital(call, args.hospital)));
    const over = !existing || existing.status === 'refused' || existing.status === 'left';
    mustBe(over, 'ALREADY_EXISTS');
    // A request issued before the last decision is a replay of what was decided.
    mustBe(!existing || call.envelope.issuedAt > existing.last.at, 'VERSION_CONFLICT');
    const marks = existing ? changed(call, existing) : made(call);
    world.put(key, { ...marks, hospital: args.hospital, doctor: actor.id, status: 'requested' });
    if (!existing) world.put(indexes.hospitalsOf(actor.id, args.hospital), THERE);
    return { version: marks.version };
  },
};

type Status = Affiliation['status'];

async function move(
  call: Pick<Call<OperationType>, 'world' | 'envelope' | 'hash'>,
  names: { readonly hospital: string; readonly doctor: string; readonly replaces: number },
  from: readonly Status[],
  to: Status,
): Promise<Applied> {
  const key = keys.affiliation(names.hospital, names.doctor);
  const existing = await find(call, key);
  const again = changedBefore(call, existing, names.replaces);
  if (again) return again;
  mustBe(from.includes(existing.status), 'WRONG_STATE');
  const after = { ...existing, ...changed(call, existing), status: to };
  call.world.put(key, after);
  return { version: after.version };
}

/** The hospital decides; a suspended doctor may be authorised again. */
function decision<T extends 'affiliation:authorise' | 'affiliation:refuse' | 'affiliation:suspend'>(
  from: readonly Status[],
  to: Status,
): Definition<T> {
  return {
    apply(call) {
      const { actor, args } = call;
      must(isActingHospital(actor));
      return move(
        call,
        { hospital: actor.id, doctor: args.doctor, replaces: args.replaces },
        from,
        to,
      );
    },
  };
}

const leave: Definition<'affiliation:leave'> = {
  apply(call) {
    const { actor, args } = call;
    mustBe(actor.role === 'doctor', 'WRONG_ROLE');
    const names = { hospital: args.hospital, doctor: actor.id, replaces: args.replaces };
    return move(call, names, ['requested', 'authorised', 'suspended'], 'left');
  },
};

export const affiliations = {
  'affiliation:request': request,
  'affiliation:authorise': decision<'affiliation:authorise'>(
    ['requested', 'suspended'],
    'authorised',
  ),
  'affiliation:refuse': decision<'affiliation:refuse'>(['requested'], 'refused'),
  'affiliation:suspend': decision<'affiliation:suspend'>(['authorised'], 'suspended'),
  'affiliation:leave': leave,
};
