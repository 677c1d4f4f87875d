// Appointments: two patients want the same slot, one gets it, moves, and cancels.
import { expect } from 'chai';
import { z } from 'zod';
import type { Visitor } from '../world.js';
import { expectOnce, Told, type Common, type Kind } from './kind.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const MINUTES = 5;
const SLOTS_AN_OFFER = 3;

const offeredSchema = z.looseObject({
  receipt: z.looseObject({ id: z.string() }),
  slots: z.array(z.string()),
});
const slotsSchema = z.object({
  items: z.array(z.looseObject({ offer: z.string(), slot: z.string(), free: z.boolean() })),
});
const appointmentsSchema = z.object({
  items: z.array(
    z.looseObject({
      id: z.string(),
      version: z.int(),
      slot: z.string(),
      startsAt: z.int(),
      status: z.enum(['booked', 'cancelled']),
    }),
  ),
  bookmark: z.string(),
});
type Shown = z.infer<typeof appointmentsSchema>['items'][number];

export class AppointmentBook implements Kind {
  readonly name = 'appointments';
  readonly #told = new Told();
  readonly #offered = new Set<string>();
  readonly #booked = new Map<string, Visitor>();
  readonly #cancelled = new Set<string>();
  #minute = 0;

  private constructor(
    private readonly doctor: Visitor,
    private readonly patients: readonly Visitor[],
    private readonly hospital: string,
  ) {}

  static async settle({ door, north }: Common): Promise<AppointmentBook> {
    const doctor = await door.doctor('dr-time', north);
    const patients = [await door.patient('anna'), await door.patient('ben')];
    const place = { doctor: doctor.userId, hospital: north.userId };
    for (const patient of patients) {
      const { id, version: replaces } = await patient.change('/care', place);
      await doctor.change(`/care/${patient.userId}/${id}/approve`, { replaces });
    }
    return new AppointmentBook(doctor, patients, north.userId);
  }

  async round(): Promise<void> {
    const { offer, slots } = await this.#offer();
    const [wanted = '', other = ''] = slots;
    const wishes = this.patients.map((patient) => this.#book(patient, offer, wanted));
    const outcomes = await Promise.allSettled(wishes);
    const broken = outcomes.find((outcome) => outcome.status === 'rejected');
    if (broken) throw broken.reason;
    const won = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' && typeof outcome.value === 'object' ? [outcome.value] : [],
    );
    expect(won.length, 'one slot, one appointment').to.equal(1);
    const [first] = won;
    if (!first) return;
    const { patient, id, version: replaces } = first;
    const path = `/patients/${patient.userId}/appointments/${id}`;
    const body = { offer, slot: other, replaces };
    const moved = await this.#told.change(patient, `${path}/move`, body);
    if (moved) await this.#cancel(patient, id, moved.version);
  }

  async #offer(): Promise<{ offer: string; slots: readonly string[] }> {
    const begin = Date.now() + DAY_MS;
    const times = Array.from({ length: SLOTS_AN_OFFER }, () => ({
      startsAt: begin + this.#minute++ * MINUTES * 60_000,
      minutes: MINUTES,
    }));
    const body = { hospital: this.hospital, slots: times };
    const { receipt, slots } = await this.doctor.post('/slots', body, offeredSchema);
    this.#told.applied(this.doctor, receipt.id);
    for (const slot of slots) this.#offered.add(slot);
    return { offer: receipt.id, slots };
  }

  async #book(patient: Visitor, offer: string, slot: string) {
    const path = `/patients/${patient.userId}/appointments`;
    const body = { doctor: this.doctor.userId, offer, slot };
    const receipt = await this.#told.wish(patient, path, body);
    if (typeof receipt !== 'object') return receipt;
    this.#booked.set(receipt.id, patient);
    return { ...receipt, patient };
  }

  async #cancel(patient: Visitor, id: string, replaces: number): Promise<void> {
    const path = `/patients/${patient.userId}/appointments/${id}/cancel`;
    if (await this.#told.change(patient, path, { replaces })) this.#cancelled.add(id);
  }

  /** Every slot has its time, and one appointment or none; what is still booked can be cancelled, and is free again. */
  async check(): Promise<void> {
    for (const who of [this.doctor, ...this.patients]) await who.logIn();
    await this.#told.check();
    const booked: Shown[] = [];
    for (const patient of this.patients) {
      const all = await appointmentsOf(patient);
      const own = [...this.#booked].filter(([, who]) => who === patient).map(([id]) => id);
      expectOnce(
        all.map(({ id }) => id),
        own,
        'appointments',
      );
      const standing = all.filter(({ status }) => status === 'booked');
      expect(standing.filter(({ id }) => this.#cancelled.has(id))).to.deep.equal([]);
      booked.push(...standing);
      await this.#checkSlots(standing);
      for (const { id, version } of standing) await this.#cancel(patient, id, version);
    }
    const slots = booked.map(({ slot }) => slot);
    expect(new Set(slots).size, 'one appointment a slot').to.equal(slots.length);
    expect((await this.#slots()).filter(({ free }) => !free)).to.deep.equal([]);
  }

  async #checkSlots(standing: readonly Shown[]): Promise<void> {
    const slots = await this.#slots();
    expectOnce(
      slots.map(({ slot }) => slot),
      [...this.#offered],
      'slots',
    );
    const taken = slots.filter(({ free }) => !free).map(({ slot }) => slot);
    expect(taken).to.include.members(standing.map(({ slot }) => slot));
  }

  async #slots(): Promise<z.infer<typeof slotsSchema>['items']> {
    return (await this.doctor.get(`/doctors/${this.doctor.userId}/slots`, slotsSchema)).items;
  }
}

async function appointmentsOf(patient: Visitor): Promise<Shown[]> {
  const found: Shown[] = [];
  for (let bookmark = ''; ;) {
    const path = `/appointments?limit=200&bookmark=${bookmark}`;
    const page: z.infer<typeof appointmentsSchema> = await patient.get(path, appointmentsSchema);
    found.push(...page.items);
    if (page.bookmark === '') return found;
    bookmark = page.bookmark;
  }
}
