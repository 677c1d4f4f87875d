// Appointments and consultations over HTTP, on a real ledger.
import { expect } from 'chai';
import { z } from 'zod';
import { slotCommitment } from '../../services/appointments.js';
import type { StoreEntry } from '../../store/index.js';
import { verifyChain } from '../../services/message-chain.js';
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
const consultation = z.object({
  status: z.string(),
  count: z.int(),
  head: z.string().optional(),
  version: z.int(),
});
const message = z.object({
  number: z.int(),
  sender: z.string(),
  at: z.int(),
  text: z.string(),
  head: z.string(),
});
const messageList = z.object({ items: z.array(message) });

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

describe('consultations', () => {
  let api: TestApi;
  let people: Practice;
  let path = '';
  before(async () => {
    api = await TestApi.start('consultations');
    people = await openPractice(api);
    const { doctor, hospital, patient } = people;
    const body = { patient: patient.userId, hospital: hospital.userId };
    const { id } = await doctor.post('/consultations', body, created);
    path = `/patients/${patient.userId}/consultations/${id}`;
  });
  after(() => api.close());

  const say = (visitor: Visitor, text: string) =>
    visitor.post(`${path}/messages`, { text }, message);
  const heard = async (visitor: Visitor, after = 0) =>
    (await visitor.get(`${path}/messages?after=${after}`, messageList)).items;

  it('put what is said in one order for both sides, on a chain that the ledger anchors', async () => {
    const { doctor, patient } = people;
    await say(doctor, 'How are you?');
    // Both at once: one waits for the other.
    await Promise.all([say(patient, 'Better, thank you. 🙂'), say(doctor, 'And the leg?')]);
    const said = await heard(patient);
    expect(said).to.deep.equal(await heard(doctor));
    expect(said.map(({ number }) => number)).to.deep.equal([1, 2, 3]);
    expect(said[0]).to.include({ sender: doctor.userId, text: 'How are you?' });
    expect(await heard(patient, 2)).to.deep.equal(said.slice(2));
    const anchor = await patient.get(path, consultation);
    expect(anchor.count).to.equal(3);
    expect(verifyChain(said, anchor)).to.equal(true);
    const listed = z.object({ items: z.array(z.object({ count: z.int() })) });
    for (const visitor of [doctor, patient])
      expect((await visitor.get('/consultations', listed)).items[0]?.count).to.equal(3);
  });

  it('leave no text on the ledger', async () => {
    const { patient } = people;
    const id = path.slice(path.lastIndexOf('/') + 1);
    const history = await patient.ask(
      'GET',
      `/patients/${patient.userId}/history?kind=consultation&id=${id}`,
    );
    expect(history.status).to.equal(200);
    expect(JSON.stringify(history.body)).to.include('"count":3').and.not.include('leg');
  });

  it('are for the doctor, the patient and a guardian', async () => {
    const { doctor, patient } = people;
    const other = await api.visitor('bruun').register('doctor', { profile: { name: 'Bruun' } });
    const lena = await api.visitor('lena').register('relative', { details: { name: 'Lena' } });
    for (const visitor of [other, lena]) {
      expect(await visitor.fails('GET', path)).to.equal('FORBIDDEN');
      expect(await visitor.fails('GET', `${path}/messages`)).to.equal('FORBIDDEN');
      expect(await visitor.fails('POST', `${path}/messages`, { text: 'x' })).to.equal('FORBIDDEN');
      expect(await visitor.fails('POST', `${path}/close`)).to.equal('FORBIDDEN');
    }
    await patient.change(`/patients/${patient.userId}/kin`, {
      relative: lena.userId,
      rights: ['guardian'],
      notAfter: api.clock.now() + HOUR_MS / 6,
    });
    expect((await heard(lena)).length).to.equal(3);
    await say(lena, 'She sleeps badly.');
    expect((await heard(doctor)).at(-1)?.sender).to.equal(lena.userId);
    api.clock.advance(HOUR_MS / 3);
    expect(await lena.fails('GET', `${path}/messages`)).to.equal('FORBIDDEN');
  });

  it('say when the stored texts are not those that were anchored', async () => {
    const { doctor, patient } = people;
    const before = await heard(patient);
    let stolen: StoreEntry | undefined;
    await api.restart(async (store) => {
      for await (const entry of store.list('messages', { limit: 1 })) stolen = entry;
      if (!stolen) throw new Error('messages are stored');
      await store.commit([{ space: 'messages', key: stolen.key, value: undefined }]);
    });
    await Promise.all([patient.logIn(), doctor.logIn()]);
    expect(await patient.fails('GET', `${path}/messages`)).to.equal('STORE_DAMAGED');
    await api.restart((store) => store.commit(stolen ? [{ space: 'messages', ...stolen }] : []));
    await Promise.all([patient.logIn(), doctor.logIn()]);
    expect(await heard(patient)).to.deep.equal(before);
  });

  it('take no word after they are closed', async () => {
    const { doctor, patient } = people;
    await doctor.change(`${path}/close`);
    expect((await patient.get(path, consultation)).status).to.equal('closed');
    expect(await patient.fails('POST', `${path}/messages`, { text: 'late' })).to.equal('CONFLICT');
    expect((await heard(patient)).length).to.equal(4);
  });
});
