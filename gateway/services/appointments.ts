// Appointments. Times stay here, sealed; the ledger knows random slot ids and a commitment to each time.

import { createHash } from 'node:crypto';
import type { Appointment, Page } from '@prms/chaincode';
import { actsForPatient } from '@prms/chaincode/rules';
import { z } from 'zod';
import type { RandomBytes } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { KeyedLock, type Store } from '../store/index.js';
import type { MasterKey } from '../vault/index.js';
import type { Actor } from './actor.js';
import type { HospitalKeys } from './hospital-keys.js';
import type { PatientFiles } from './patient-files.js';
import type { AppliedReceipt, PageRequest, Records } from './records.js';

/** A stretch of time that a doctor offers. */
export interface SlotTime {
  /** Milliseconds since the epoch. */
  readonly startsAt: number;
  readonly minutes: number;
}

export interface ShownSlot extends SlotTime {
  readonly offer: string;
  readonly slot: string;
  readonly free: boolean;
}

export type ShownAppointment = Appointment & Partial<SlotTime>;

const slotSchema = z.strictObject({ startsAt: z.int(), minutes: z.int(), salt: z.string() });
type SealedSlot = z.infer<typeof slotSchema>;

interface MadeSlot {
  readonly id: string;
  readonly commitment: string;
  readonly sealed: Uint8Array;
}

const SPACE = 'slots';

export class Appointments {
  readonly #locks = new KeyedLock();

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly store: Store;
      readonly master: MasterKey;
      readonly random: RandomBytes;
      readonly files: PatientFiles;
      readonly hospitalKeys: HospitalKeys;
    },
  ) {}

  /** @throws GatewayError VALIDATION for a time in the past, CONFLICT for one that overlaps another */
  offer(
    actor: Actor,
    hospital: string,
    times: readonly SlotTime[],
  ): Promise<{ receipt: AppliedReceipt; slots: readonly string[] }> {
    return this.#locks.run([actor.userId], async () => {
      const { records } = this.parts;
      checkTimes(times, await this.#unfinished(actor.userId), records.now());
      const made = times.map((time) => this.#makeSlot(time));
      // The times first: a slot on the ledger without its time could not be kept by anybody.
      await this.#write(made.map(({ id, sealed }) => ({ id, value: sealed })));
      const slots = made.map(({ id, commitment }) => ({ id, commitment }));
      const args = { hospital, slots };
      try {
        const receipt = await records.act(actor, 'appointment:offer', args, actor.userId);
        return { receipt, slots: slots.map(({ id }) => id) };
      } catch (error) {
        // Refused is final; anything else may still be applied later.
        if (error instanceof GatewayError && error.code === 'REFUSED')
          await this.#write(slots.map(({ id }) => ({ id, value: undefined })));
        throw error;
      }
    });
  }

  /** A doctor's slots that lie ahead, soonest first. Those offered at another gateway have no time here and are left out. */
  async slots(doctor: string): Promise<readonly ShownSlot[]> {
    const now = this.parts.records.now();
    const ahead = (await this.#unfinished(doctor)).filter(({ startsAt }) => startsAt > now);
    return ahead.sort((a, b) => a.startsAt - b.startsAt);
  }

  async book(
    actor: Actor,
    patient: string,
    place: { doctor: string; offer: string; slot: string },
  ): Promise<{ receipt: AppliedReceipt; id: string }> {
    await this.#mustLieAhead(place);
    const receipt = await this.parts.records.act(
      actor,
      'appointment:book',
      { patient, ...place },
      place.doctor,
    );
    return { receipt, id: receipt.id };
  }

  async move(
    actor: Actor,
    patient: string,
    id: string,
    to: { offer: string; slot: string; replaces: number },
  ): Promise<{ receipt: AppliedReceipt }> {
    const { doctor } = await this.parts.records.appointment(patient, id);
    await this.#mustLieAhead({ doctor, ...to });
    return {
      receipt: await this.parts.records.act(
        actor,
        'appointment:move',
        { patient, id, ...to },
        doctor,
      ),
    };
  }

  async cancel(
    actor: Actor,
    patient: string,
    id: string,
    replaces: number,
  ): Promise<{ receipt: AppliedReceipt }> {
    const { doctor } = await this.parts.records.appointment(patient, id);
    return {
      receipt: await this.parts.records.act(
        actor,
        'appointment:cancel',
        { patient, id, replaces },
        doctor,
      ),
    };
  }

  /** One's own: a patient's, or a doctor's. */
  async mine(actor: Actor, page: PageRequest): Promise<Page<ShownAppointment>> {
    const { records } = this.parts;
    const { items, bookmark } = await (actor.role === 'doctor'
      ? records.appointmentsOf(actor.userId, page)
      : records.appointments(actor.userId, page));
    return {
      items: await Promise.all(items.map((appointment) => this.#timed(appointment))),
      bookmark,
    };
  }

  /**
   * A patient's: all of them for the patient and a guardian; for a doctor or hospital with approved care those with them,
   * so a page may hold fewer than were asked for.
   * @throws GatewayError FORBIDDEN
   */
  async of(actor: Actor, patientId: string, page: PageRequest): Promise<Page<ShownAppointment>> {
    const { records } = this.parts;
    const concerns = await this.#concerns(actor, patientId);
    const { items, bookmark } = await records.appointments(patientId, page);
    return {
      items: await Promise.all(
        items.filter(concerns).map((appointment) => this.#timed(appointment)),
      ),
      bookmark,
    };
  }

  /** Which of a patient's appointments are for this person to see. */
  async #concerns(actor: Actor, patientId: string): Promise<(appointment: Appointment) => boolean> {
    const { records, files } = this.parts;
    const [patient, user] = [await records.patient(patientId), await records.user(actor.userId)];
    if (actsForPatient(patient, user, 'guardian', records.now()).permit) return () => true;
    for (const care of patient.care) {
      if (await files.inCare(actor, care))
        return ({ doctor, hospital }) => doctor === actor.userId || hospital === actor.userId;
    }
    throw new GatewayError('FORBIDDEN', 'These appointments are not yours to see.', {
      ids: { patient: patientId },
    });
  }

  #makeSlot({ startsAt, minutes }: SlotTime): MadeSlot {
    const { records, master, random } = this.parts;
    const id = records.newId();
    const salt = Buffer.from(random(16)).toString('base64url');
    const slot: SealedSlot = { startsAt, minutes, salt };
    const sealed = master.sealUnderMaster('slot', id, Buffer.from(JSON.stringify(slot), 'utf8'));
    return { id, commitment: slotCommitment(id, slot), sealed };
  }

  async #write(slots: readonly { id: string; value: Uint8Array | undefined }[]): Promise<void> {
    const writes = slots.map(({ id, value }) => ({ space: SPACE, key: id, value }));
    await this.parts.store.commit(writes, { sync: true });
  }

  /** A doctor's slots that are not over. */
  async #unfinished(doctor: string): Promise<ShownSlot[]> {
    const { records } = this.parts;
    const unfinished: ShownSlot[] = [];
    for await (const offer of records.all((page) => records.offers(doctor, page))) {
      for (const { id, appointment } of offer.slots) {
        const time = await this.#time(id);
        if (!time || endOf(time) <= records.now()) continue;
        const { startsAt, minutes } = time;
        const free = appointment === undefined;
        unfinished.push({ offer: offer.id, slot: id, startsAt, minutes, free });
      }
    }
    return unfinished;
  }

  /**
   * The ledger knows no times, so what has begun is refused here, and what was offered at another gateway is taken there.
   * @throws GatewayError CONFLICT | ELSEWHERE
   */
  async #mustLieAhead({
    doctor,
    offer,
    slot,
  }: {
    readonly doctor: string;
    readonly offer: string;
    readonly slot: string;
  }): Promise<void> {
    const { records, hospitalKeys } = this.parts;
    const time = await this.#time(slot);
    if (!time) {
      for await (const made of records.all((page) => records.offers(doctor, page)))
        if (made.id === offer) await hospitalKeys.mustBeHere(made.hospital);
    }
    if (time && time.startsAt <= this.parts.records.now())
      throw new GatewayError('CONFLICT', 'This slot has begun already: choose a later one.', {
        ids: { slot },
      });
  }

  async #time(id: string): Promise<SealedSlot | undefined> {
    const sealed = await this.parts.store.get(SPACE, id);
    if (!sealed) return undefined;
    return slotSchema.parse(
      JSON.parse(
        Buffer.from(this.parts.master.openUnderMaster('slot', id, sealed)).toString('utf8'),
      ),
    );
  }

  async #timed(appointment: Appointment): Promise<ShownAppointment> {
    const time = await this.#time(appointment.slot);
    return time ? { ...appointment, startsAt: time.startsAt, minutes: time.minutes } : appointment;
  }
}

/** What the ledger holds of a slot's time: SHA-256("PRMS-slot-v1" NUL id NUL startsAt NUL minutes NUL salt), base64url. */
export function slotCommitment(id: string, { startsAt, minutes, salt }: SealedSlot): string {
  const text = ['PRMS-slot-v1', id, startsAt, minutes, salt].join('\0');
  return createHash('sha256').update(text, 'utf8').digest('base64url');
}

function checkTimes(times: readonly SlotTime[], present: readonly SlotTime[], now: number): void {
  for (const [i, time] of times.entries()) {
    if (time.startsAt <= now) {
      const fields = [{ path: `body.slots.${i}.startsAt`, message: 'lies in the past' }];
      throw new GatewayError('VALIDATION', 'A slot must lie in the future.', { fields });
    }
    if ([...present, ...times.slice(0, i)].some((other) => overlap(time, other))) {
      throw new GatewayError('CONFLICT', 'A slot overlaps another one of this doctor.');
    }
  }
}

function overlap(a: SlotTime, b: SlotTime): boolean {
  return a.startsAt < endOf(b) && b.startsAt < endOf(a);
}

function endOf({ startsAt, minutes }: SlotTime): number {
  return startsAt + minutes * 60_000;
}
