// Appointments: a doctor offers slots (random ids: the times stay at the gateway), a patient takes one.

import type { Appointment, Offer } from '../model/index.js';
import { actsForPatient, hasCare, standsFor } from '../rules/index.js';
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

const offer: Definition<'appointment:offer'> = {
  reads: ({ hospital }, envelope) => [
    keys.offer(envelope.actor, envelope.id),
    ...standingReads(envelope, hospital),
  ],
  async apply(call) {
    const { actor, args, envelope, world } = call;
    const key = keys.offer(actor.id, envelope.id);
    const again = madeBefore(call, await world.get(key));
    if (again) return again;
    mustBe(actor.role === 'doctor', 'WRONG_ROLE');
    must(standsFor(actor, args.hospital, await standing(call, actor, args.hospital)));
    mustBe(new Set(args.slots.map((s) => s.id)).size === args.slots.length, 'MALFORMED');
    world.put(key, {
      ...made(call),
      id: envelope.id,
      doctor: actor.id,
      hospital: args.hospital,
      slots: args.slots,
    });
    return { version: 1 };
  },
};

/** Takes a slot for an appointment, or frees it. Slots change hands without a version: being free is the condition. */
async function setSlot(
  call: Call<'appointment:book'> | Call<'appointment:move'> | Call<'appointment:cancel'>,
  place: { readonly doctor: string; readonly offer: string; readonly slot: string },
  appointment: string | undefined,
): Promise<Offer> {
  const key = keys.offer(place.doctor, place.offer);
  const before = await find(call, key);
  const slot = before.slots.find((s) => s.id === place.slot);
  mustBe(slot !== undefined, 'NOT_FOUND');
  mustBe(appointment === undefined || slot?.appointment === undefined, 'SLOT_TAKEN');
  const slots = before.slots.map(({ appointment: taken, ...s }) => {
    const holder = s.id === place.slot ? appointment : taken;
    return holder === undefined ? s : { ...s, appointment: holder };
  });
  const after = { ...before, ...changed(call, before), slots };
  call.world.put(key, after);
  return after;
}

const book: Definition<'appointment:book'> = {
  reads: ({ patient, doctor, offer: offerId }, { id }) => [
    keys.appointment(patient, id),
    keys.user(patient),
    keys.offer(doctor, offerId),
  ],
  async apply(call) {
    const { actor, args, envelope, world } = call;
    const key = keys.appointment(args.patient, envelope.id);
    const again = madeBefore(call, await world.get(key));
    if (again) return again;
    const patient = await findPatient(call, args.patient);
    must(actsForPatient(patient, actor, 'guardian', envelope.issuedAt));
    const { hospital } = await setSlot(call, args, envelope.id);
    must(hasCare(patient, args.doctor, hospital));
    const { doctor, offer: offerId, slot } = args;
    const appointment: Appointment = {
      ...made(call),
      id: envelope.id,
      patient: patient.id,
      doctor,
      hospital,
      offer: offerId,
      slot,
      status: 'booked',
    };
    world.put(key, appointment);
    world.put(indexes.appointmentsOf(doctor, envelope.id), {
      patient: patient.id,
      id: envelope.id,
    });
    return { version: 1 };
  },
};

async function appointmentToChange(call: Call<'appointment:move'> | Call<'appointment:cancel'>) {
  const { actor, args, envelope } = call;
  const key = keys.appointment(args.patient, args.id);
  const appointment = await find(call, key);
  const again = changedBefore(call, appointment, args.replaces);
  if (!again) {
    const patient = await findPatient(call, args.patient);
    if (actor.id !== appointment.doctor)
      must(actsForPatient(patient, actor, 'guardian', envelope.issuedAt));
    mustBe(appointment.status === 'booked', 'WRONG_STATE');
  }
  return { key, appointment, again };
}

const move: Definition<'appointment:move'> = {
  async apply(call) {
    const { args, world } = call;
    const { key, appointment, again } = await appointmentToChange(call);
    if (again) return again;
    const { doctor } = appointment;
    const to = await setSlot(call, { doctor, offer: args.offer, slot: args.slot }, appointment.id);
    mustBe(to.hospital === appointment.hospital, 'WRONG_STATE');
    await setSlot(call, appointment, undefined);
    const after = {
      ...appointment,
      ...changed(call, appointment),
      offer: args.offer,
      slot: args.slot,
    };
    world.put(key, after);
    return { version: after.version };
  },
};

const cancel: Definition<'appointment:cancel'> = {
  reads: ({ patient, id }) => [keys.appointment(patient, id), keys.user(patient)],
  readsNext: ({ patient, id }, _envelope, found) => {
    const appointment = found(keys.appointment(patient, id));
    return appointment ? [keys.offer(appointment.doctor, appointment.offer)] : [];
  },
  async apply(call) {
    const { key, appointment, again } = await appointmentToChange(call);
    if (again) return again;
    await setSlot(call, appointment, undefined);
    const after: Appointment = {
      ...appointment,
      ...changed(call, appointment),
      status: 'cancelled',
    };
    call.world.put(key, after);
    return { version: after.version };
  },
};

export const appointments = {
  'appointment:offer': offer,
  'appointment:book': book,
  'appointment:move': move,
  'appointment:cancel': cancel,
};
