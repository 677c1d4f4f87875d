// Appointments over HTTP, on a real ledger.
import { expect } from 'chai';
import { z } from 'zod';
import { slotCommitment } from '../../services/appointments.js';
import { openPractice, TestApi, type Practice, type Visitor } from './testing-api.js';

const HOUR_MS = 60 * 60_000;
const created = z.object({ id: z.string(), receipt: z.object({ version: z.int() }) });
const slotList = z.object({
  items: z.array(
    z.object({
      offer: z.string(),
      slot: z.string(),
      startsAt: z.int(),
      minutes: z.int(),
      free: z.boolean(),
    }),
  ),
});
const appointmentList = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      status: z.string(),
      slot: z.string(),
      startsAt: z.int(),
      minutes: z.int(),
    }),
  ),
});
describe('appointments', () => {
  let api: TestApi;
  let people: Practice;
  before(async () => {
    api = await TestApi.start('appointments');
    people = await openPractice(api);
  });
  after(() => api.close());

  const at = (hours: number) => ({ startsAt: api.clock.now() + hours * HOUR_MS, minutes: 30 });
  const offer = (slots: object[]) => ({ hospital: people.hospital.userId, slots });
  const slotsOf = async () =>
    (await people.patient.get(`/doctors/${people.doctor.userId}/slots`, slotList)).items;
  const book = (
    visitor: Visitor,
    patient: string,
    { offer, slot }: { offer: string; slot: string },
  ) =>
    visitor.ask('POST', `/patients/${patient}/appointments`, {
      doctor: people.doctor.userId,
      offer,
      slot,
    });

  it('are offered, booked, moved and cancelled, with times that the ledger never sees', async () => {
    const { doctor, patient } = people;
    await doctor.change('/slots', offer([at(30), at(24)]));
    const [first, second] = await slotsOf();
    expect(first?.startsAt).to.equal(at(24).startsAt);
    expect(second?.free).to.equal(true);
    if (!first || !second) throw new Error('two slots were offered');

    const answer = await book(patient, patient.userId, first);
    const { id, receipt } = created.parse(answer.body);
    expect((await slotsOf()).map(({ free }) => free)).to.deep.equal([false, true]);
    const path = `/patients/${patient.userId}/appointments/${id}`;
    const moved = await patient.change(`${path}/move`, {
      offer: second.offer,
      slot: second.slot,
      replaces: receipt.version,
    });
    expect((await slotsOf()).map(({ free }) => free)).to.deep.equal([true, false]);
    for (const visitor of [patient, doctor]) {
      const [own] = (await visitor.get('/appointments', appointmentList)).items;
      expect(own).to.deep.equal({ id, status: 'booked', slot: second.slot, ...at(30) });
    }
    await doctor.change(`${path}/cancel`, { replaces: moved.version });
    expect((await slotsOf()).map(({ free }) => free)).to.deep.equal([true, true]);
    const [own] = (await patient.get('/appointments', appointmentList)).items;
    expect(own?.status).to.equal('cancelled');

    const onLedger = JSON.stringify(
      await api.gateway.services.records.offers(doctor.userId, { limit: 100 }),
    );
    expect(onLedger).to.include(first.slot).and.not.include(String(first.startsAt));
  });

  it('are refused when they lie in the past, overlap, or are taken', async () => {
    const { doctor, patient } = people;
    expect(await doctor.fails('POST', '/slots', offer([at(-1)]))).to.equal('VALIDATION');
    expect(await doctor.fails('POST', '/slots', offer([at(50), at(50.4)]))).to.equal('CONFLICT');
    await doctor.change('/slots', offer([at(60)]));
    expect(await doctor.fails('POST', '/slots', offer([at(60.4)]))).to.equal('CONFLICT');
    await doctor.change('/slots', offer([at(60.5)]));

    const [slot] = (await slotsOf()).filter(({ startsAt }) => startsAt === at(60).startsAt);
    if (!slot) throw new Error('a slot was offered');
    const stranger = await api.visitor('tomas').register('patient', {
      details: { name: 'Tomas' },
      escrow: null,
    });
    const without = await book(stranger, stranger.userId, slot);
    expect(without.body).to.include({ code: 'REFUSED', reason: 'NO_CARE' });
    expect((await book(patient, patient.userId, slot)).status).to.equal(201);
    const again = await book(patient, patient.userId, slot);
    expect(again.body).to.include({ code: 'REFUSED', reason: 'SLOT_TAKEN' });
  });

  it('can’t be offered by somebody whom the hospital has not authorised', async () => {
    const locum = await api.visitor('locum').register('doctor', { profile: { name: 'Locum' } });
    const code = await locum.fails('POST', '/slots', offer([at(70)]));
    expect(code).to.equal('REFUSED:NOT_AFFILIATED');
    const { items } = await people.patient.get(`/doctors/${locum.userId}/slots`, slotList);
    expect(items).to.deep.equal([]);
  });

  it('can’t be booked once their time has come, and don’t let others overlap what is running', async () => {
    const { doctor, patient } = people;
    await doctor.change('/slots', offer([{ ...at(100), minutes: 60 }]));
    const slot = (await slotsOf()).at(-1);
    if (!slot) throw new Error('a slot was offered');
    api.clock.advance(slot.startsAt + 10 * 60_000 - api.clock.now());
    await doctor.logIn();
    await patient.logIn();
    expect((await slotsOf()).map((each) => each.slot)).not.to.include(slot.slot);
    const late = await book(patient, patient.userId, slot);
    expect(late.body).to.include({ code: 'CONFLICT' });
    expect(await doctor.fails('POST', '/slots', offer([at(0.5)]))).to.equal('CONFLICT');
  });

  it('commit to their time: the documented hash', () => {
    // Hashed with Python's hashlib.
    const slot = { startsAt: 1_900_000_000_000, minutes: 30, salt: 'AAECAwQFBgcICQoLDA0ODw' };
    expect(slotCommitment('01J0000000000000000000000A', slot)).to.equal(
      '6PQFx3_BnyN7GmjinxWwYv_mMVxhxb9fd5JjI0vwyCg',
    );
  });
});
