// Accesses: every request to read is recorded with what came of it, permitted or refused. Emergencies, their review, and
// the patient's objection.

import { MAX_LIFE_MS, SHORT_LIFE_MS, type Access } from '../model/index.js';
import { actsForPatient, decideAccess, decideEmergency, isAdmitted } from '../rules/index.js';
import { indexes, keys } from '../state/index.js';
import {
  changed,
  changedBefore,
  find,
  findPatient,
  made,
  madeBefore,
  must,
  mustBe,
  standing,
  standingReads,
  type Call,
  type Definition,
} from './call.js';

const request: Definition<'access:request'> = {
  // Issuing a request in the past must not reach a consent that has run out. One that names an emergency rests on that
  // alone, and may have been made while the ledger was out of reach.
  lifeMs: ({ emergency }) => (emergency === undefined ? SHORT_LIFE_MS : MAX_LIFE_MS),
  reads: ({ patient, report, actingFor }, envelope) => [
    keys.user(patient),
    keys.access(patient, envelope.id),
    keys.report(patient, report),
    ...standingReads(envelope, actingFor),
  ],
  async apply(call) {
    const { actor, args, envelope, world } = call;
    const key = keys.access(args.patient, envelope.id);
    const existing = await world.get(key);
    const again = madeBefore(call, existing, existing?.outcome);
    if (again) return again;
    const patient = await findPatient(call, args.patient);
    const emergency =
      args.emergency === undefined
        ? null
        : await world.get(keys.access(args.patient, args.emergency));
    const outcome = decideAccess(
      {
        action: args.action,
        purpose: args.purpose,
        actingFor: args.actingFor,
        emergency: args.emergency,
        now: envelope.issuedAt,
      },
      {
        patient,
        actor,
        emergency,
        report: await world.get(keys.report(args.patient, args.report)),
        ...(await standing(call, actor, args.actingFor)),
      },
    );
    const { report, action, purpose, emergency: relied } = args;
    world.put(key, {
      ...record(call),
      kind: 'read',
      outcome,
      report,
      action,
      purpose,
      ...(relied !== undefined && { emergency: relied }),
    });
    return { version: 1, outcome };
  },
};

const breakGlass: Definition<'access:emergency'> = {
  async apply(call) {
    const { actor, args, envelope, genesis, world } = call;
    const key = keys.access(args.patient, envelope.id);
    const existing = await world.get(key);
    const again = madeBefore(call, existing, existing?.outcome);
    if (again) return again;
    const patient = await findPatient(call, args.patient);
    const outcome = decideEmergency(
      { actingFor: args.actingFor, now: envelope.issuedAt },
      { patient, actor, ...(await standing(call, actor, args.actingFor)) },
    );
    const endsAt = envelope.issuedAt + genesis.emergencyWindowMs;
    world.put(key, { ...record(call), kind: 'emergency', outcome, reason: args.reason, endsAt });
    world.put(indexes.emergenciesAt(args.actingFor, envelope.id), {
      patient: patient.id,
      id: envelope.id,
    });
    return { version: 1, outcome };
  },
};

function record(call: Call<'access:request'> | Call<'access:emergency'>) {
  const { args, envelope } = call;
  return {
    ...made(call),
    id: envelope.id,
    patient: args.patient,
    actor: envelope.actor,
    ...(args.actingFor !== undefined && { actingFor: args.actingFor }),
    issuedAt: envelope.issuedAt,
  };
}

/** By the hospital that the doctor acted for, or an auditor. */
const review: Definition<'access:review'> = {
  async apply(call) {
    const { actor, args, envelope, world } = call;
    const key = keys.access(args.patient, args.id);
    const access = await find(call, key);
    const again = changedBefore(call, access, args.replaces);
    if (again) return again;
    const auditor = actor.role === 'auditor' && actor.admitted;
    mustBe(auditor || (actor.role === 'hospital' && actor.id === access.actingFor), 'NOT_OWNER');
    if (actor.role === 'hospital') must(isAdmitted(actor));
    mustBe(access.kind === 'emergency' && access.review === undefined, 'WRONG_STATE');
    const { verdict, note } = args;
    const after: Access = {
      ...access,
      ...changed(call, access),
      review: { by: actor.id, verdict, at: envelope.issuedAt, ...(note !== undefined && { note }) },
    };
    world.put(key, after);
    return { version: after.version };
  },
};

const object: Definition<'access:object'> = {
  async apply(call) {
    const { actor, args, envelope, world } = call;
    const key = keys.access(args.patient, args.id);
    const access = await find(call, key);
    const again = changedBefore(call, access, args.replaces);
    if (again) return again;
    must(
      actsForPatient(await findPatient(call, args.patient), actor, 'guardian', envelope.issuedAt),
    );
    mustBe(access.objection === undefined, 'ALREADY_EXISTS');
    const { note } = args;
    const after: Access = {
      ...access,
      ...changed(call, access),
      objection: { at: envelope.issuedAt, ...(note !== undefined && { note }) },
    };
    world.put(key, after);
    return { version: after.version };
  },
};

export const accesses = {
  'access:request': request,
  'access:emergency': breakGlass,
  'access:review': review,
  'access:object': object,
};
