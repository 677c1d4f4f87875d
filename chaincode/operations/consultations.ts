// Consultations: opened by the doctor, the chain of messages anchored as it grows, closed by either side. No text here.

import type { Consultation, Envelope } from '../model/index.js';
import { actsForPatient, hasCare, standsFor } from '../rules/index.js';
import { indexes, keys, type Key } from '../state/index.js';
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
  type Found,
} from './call.js';

const open: Definition<'consultation:open'> = {
  reads: ({ patient, hospital }, envelope) => [
    keys.consultation(patient, envelope.id),
    keys.user(patient),
    ...standingReads(envelope, hospital),
  ],
  async apply(call) {
    const { actor, args, envelope, world } = call;
    const key = keys.consultation(args.patient, envelope.id);
    const again = madeBefore(call, await world.get(key));
    if (again) return again;
    mustBe(actor.role === 'doctor', 'WRONG_ROLE');
    const patient = await findPatient(call, args.patient);
    must(standsFor(actor, args.hospital, await standing(call, actor, args.hospital)));
    must(hasCare(patient, actor.id, args.hospital));
    const consultation: Consultation = {
      ...made(call),
      id: envelope.id,
      patient: patient.id,
      doctor: actor.id,
      hospital: args.hospital,
      status: 'open',
      openedAt: envelope.issuedAt,
      count: 0,
    };
    world.put(key, consultation);
    world.put(indexes.consultationsOf(actor.id, envelope.id), {
      patient: patient.id,
      id: envelope.id,
    });
    return { version: 1 };
  },
};

async function consultationToChange(
  call: Call<'consultation:message'> | Call<'consultation:close'>,
) {
  const { actor, args, envelope } = call;
  const key = keys.consultation(args.patient, args.id);
  const consultation = await find(call, key);
  const again = changedBefore(call, consultation, args.replaces);
  if (!again) {
    if (actor.id === consultation.doctor) {
      const { hospital } = consultation;
      must(standsFor(actor, hospital, await standing(call, actor, hospital)));
    } else {
      must(
        actsForPatient(await findPatient(call, args.patient), actor, 'guardian', envelope.issuedAt),
      );
    }
    mustBe(consultation.status === 'open', 'WRONG_STATE');
  }
  return { key, consultation, again };
}

/** A doctor's standing is looked at, and of anybody else what they are to the patient. */
function nextReads(
  { patient, id }: { readonly patient: string; readonly id: string },
  envelope: Envelope,
  found: Found,
): readonly Key<unknown>[] {
  const consultation = found(keys.consultation(patient, id));
  if (!consultation) return [];
  return envelope.actor === consultation.doctor
    ? standingReads(envelope, consultation.hospital)
    : [keys.user(patient)];
}

/** Anchors the head of the message chain; several messages may have come since the last anchor. */
const message: Definition<'consultation:message'> = {
  reads: ({ patient, id }) => [keys.consultation(patient, id)],
  readsNext: nextReads,
  async apply(call) {
    const { args, world } = call;
    const { key, consultation, again } = await consultationToChange(call);
    if (again) return again;
    mustBe(args.count > consultation.count, 'VERSION_CONFLICT');
    const after = {
      ...consultation,
      ...changed(call, consultation),
      count: args.count,
      head: args.head,
    };
    world.put(key, after);
    return { version: after.version };
  },
};

/** Closes for good. An anchor that comes with it makes the chain's end and the close one step: no message is left outside. */
const close: Definition<'consultation:close'> = {
  reads: ({ patient, id }) => [keys.consultation(patient, id)],
  readsNext: nextReads,
  async apply(call) {
    const { anchor } = call.args;
    const { key, consultation, again } = await consultationToChange(call);
    if (again) return again;
    mustBe(anchor === undefined || anchor.count > consultation.count, 'VERSION_CONFLICT');
    const after: Consultation = {
      ...consultation,
      ...changed(call, consultation),
      ...anchor,
      status: 'closed',
    };
    call.world.put(key, after);
    return { version: after.version };
  },
};

export const consultations = {
  'consultation:open': open,
  'consultation:message': message,
  'consultation:close': close,
};
