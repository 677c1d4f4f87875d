// A hospital's systems: authorised with keys of their own, and suspended, by their hospital alone.

import type { Service } from '../model/index.js';
import { isActingHospital } from '../rules/index.js';
import { kidOf, userIdOf } from '../signatures/index.js';
import { indexes, keys, THERE } from '../state/index.js';
import {
  changed,
  changedBefore,
  find,
  made,
  must,
  mustBe,
  Refused,
  type Definition,
} from './call.js';
import { checkNewKeys } from './keychange.js';

const authorise: Definition<'service:authorise'> = {
  async apply(call) {
    const { actor, args, envelope, world } = call;
    const id = userIdOf(args.keys.sign);
    const existing = await world.get(keys.user(id));
    if (existing) {
      mustBe(existing.created === call.hash, 'ALREADY_EXISTS');
      return { version: 1, again: true };
    }
    must(isActingHospital(actor));
    // Or a hospital could take over the id of somebody who has not registered yet.
    checkNewKeys(args.keys, args.proof, id, envelope.id);
    const service: Service = {
      ...made(call),
      id,
      role: 'service',
      hospital: actor.id,
      status: 'authorised',
      profile: args.profile,
      keys: args.keys,
      kid: kidOf(args.keys.sign),
      registeredAt: envelope.issuedAt,
    };
    world.put(keys.user(id), service);
    world.put(indexes.role('service', id), THERE);
    world.put(indexes.servicesOf(actor.id, id), THERE);
    return { version: 1 };
  },
};

/** For good. What it has anchored stays. */
const suspend: Definition<'service:suspend'> = {
  async apply(call) {
    const { actor, args, world } = call;
    must(isActingHospital(actor));
    const service = await find(call, keys.user(args.service));
    if (service.role !== 'service') throw new Refused('NOT_FOUND');
    mustBe(service.hospital === actor.id, 'NOT_OWNER');
    const again = changedBefore(call, service, args.replaces);
    if (again) return again;
    mustBe(service.status === 'authorised', 'WRONG_STATE');
    const after: Service = { ...service, ...changed(call, service), status: 'suspended' };
    world.put(keys.user(after.id), after);
    return { version: after.version };
  },
};

export const services = { 'service:authorise': authorise, 'service:suspend': suspend };
