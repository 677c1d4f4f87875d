// Patients' files and lists over HTTP: who sees what a patient said of themselves, and from when until when.
import { expect } from 'chai';
import { z } from 'zod';
import { openPractice, TestApi, type Practice, type Visitor } from './testing-api.js';

const HOUR_MS = 60 * 60_000;

const detailsSchema = z.object({ name: z.string(), phone: z.string().optional() });
const details = detailsSchema.optional();
const file = z.object({ id: z.string(), escrow: z.string().nullable(), epoch: z.int(), details });
const careList = z.object({ items: z.array(z.object({ patient: z.string(), details })) });
const kinList = careList;
const relatives = z.object({ items: z.array(z.object({ relative: z.string(), details })) });
const meetings = z.object({
  items: z.array(z.object({ id: z.string(), doctor: z.string() })),
  bookmark: z.string(),
});
const slots = z.object({ items: z.array(z.object({ offer: z.string(), slot: z.string() })) });
const opened = z.object({ id: z.string() });

describe('a patient’s file', () => {
  let api: TestApi;
  let people: Practice;
  let tomas: Visitor;
  let lena: Visitor;
  const own = { name: 'Tomas Berg', birthDate: '1980-02-29', phone: '+47 22', address: 'Oslo' };
  before(async () => {
    api = await TestApi.start('files');
    people = await openPractice(api);
    tomas = await api.visitor('tomas').register('patient', { details: own, escrow: null });
    lena = await api
      .visitor('lena')
      .register('relative', { details: { name: 'Lena Berg', phone: '+47 99' } });
  });
  after(() => api.close());

  const inList = async (visitor: Visitor, path: string, patient: Visitor) =>
    (await visitor.get(path, careList)).items.find((item) => item.patient === patient.userId);
  const fileOf = (patient: Visitor) => `/patients/${patient.userId}`;
  const shown = () => ({ id: tomas.userId, escrow: null, epoch: 1, details: own });

  it('is in the doctor’s list once the care is approved, until it ends', async () => {
    const { doctor, hospital } = people;
    const wish = { doctor: doctor.userId, hospital: hospital.userId };
    const { id, version } = await tomas.change('/care', wish);
    const path = `/care/${tomas.userId}/${id}`;
    expect(await inList(doctor, '/care', tomas)).to.deep.equal({ patient: tomas.userId });
    for (const visitor of [doctor, hospital])
      expect(await visitor.fails('GET', fileOf(tomas))).to.equal('FORBIDDEN');

    const approved = await doctor.change(`${path}/approve`, { replaces: version });
    expect((await inList(doctor, '/care', tomas))?.details).to.include({ name: 'Tomas Berg' });
    expect((await inList(doctor, '/care', people.patient))?.details).to.deep.equal({
      name: 'Maria',
    });
    for (const visitor of [doctor, hospital, tomas])
      expect((await visitor.ask('GET', fileOf(tomas))).body).to.deep.equal(shown());
    // The patient's own list is no file: it names doctors.
    expect(await inList(tomas, '/care', tomas)).to.deep.equal({ patient: tomas.userId });

    await doctor.change(`${path}/end`, { replaces: approved.version });
    expect(await inList(doctor, '/care', tomas)).to.deep.equal({ patient: tomas.userId });
    for (const visitor of [doctor, hospital])
      expect(await visitor.fails('GET', fileOf(tomas))).to.equal('FORBIDDEN');
  });

  it('is closed to a doctor whom the hospital has suspended', async () => {
    const { hospital, patient } = people;
    const locum = await api.visitor('locum').register('doctor', { profile: { name: 'Locum' } });
    const asked = await locum.change('/affiliations', { hospital: hospital.userId });
    const decision = `/affiliations/${locum.userId}`;
    const { version } = await hospital.change(`${decision}/authorise`, { replaces: asked.version });
    const care = await patient.change('/care', {
      doctor: locum.userId,
      hospital: hospital.userId,
    });
    await locum.change(`/care/${patient.userId}/${care.id}/approve`, { replaces: care.version });
    const path = fileOf(patient);
    expect((await locum.get(path, file)).details?.name).to.equal('Maria');
    await hospital.change(`${decision}/suspend`, { replaces: version });
    expect(await locum.fails('GET', path)).to.equal('FORBIDDEN');
    expect(await locum.fails('GET', `${path}/appointments`)).to.equal('FORBIDDEN');
    expect(await inList(locum, '/care', patient)).to.deep.equal({ patient: patient.userId });
  });

  it('is in a relative’s list while the link is in force; the patient sees their name', async () => {
    expect(await lena.fails('GET', fileOf(tomas))).to.equal('FORBIDDEN');
    const kin = `/patients/${tomas.userId}/kin`;
    await tomas.change(kin, {
      relative: lena.userId,
      rights: ['view'],
      notAfter: api.clock.now() + HOUR_MS / 6,
    });
    expect((await lena.get('/kin', kinList)).items[0]?.details).to.include({ phone: '+47 22' });
    expect((await lena.ask('GET', fileOf(tomas))).body).to.deep.equal(shown());
    expect((await tomas.get(kin, relatives)).items).to.deep.equal([
      { relative: lena.userId, details: { name: 'Lena Berg' } },
    ]);
    expect((await lena.get(kin, relatives)).items).to.deep.equal([{ relative: lena.userId }]);

    api.clock.advance(HOUR_MS / 3);
    expect((await lena.get('/kin', kinList)).items).to.deep.equal([{ patient: tomas.userId }]);
    expect(await lena.fails('GET', fileOf(tomas))).to.equal('FORBIDDEN');
    const [link] = (
      await tomas.get(
        kin,
        z.object({ items: z.array(z.object({ id: z.string(), version: z.int() })) }),
      )
    ).items;
    await tomas.change(`${kin}/${link?.id ?? ''}/end`, { replaces: link?.version });
    expect((await lena.get('/kin', kinList)).items[0]).to.not.have.property('details');
  });

  it('shows an auditor no details, and a stranger nothing', async () => {
    const { hospital, patient } = people;
    const auditor = await api.visitor('eyre').register('auditor', { profile: { name: 'Eyre' } });
    const listed = z.object({
      items: z.array(z.object({ id: z.string(), admitted: z.boolean() })),
    });
    const waiting = { id: auditor.userId, admitted: false };
    expect((await hospital.get('/auditors', listed)).items).to.deep.equal([waiting]);
    expect(await auditor.fails('GET', fileOf(tomas))).to.equal('FORBIDDEN');
    await hospital.change(`/hospitals/${auditor.userId}/vote`);
    expect((await hospital.get('/auditors', listed)).items).to.deep.equal([
      { ...waiting, admitted: true },
    ]);
    expect((await auditor.ask('GET', fileOf(tomas))).body).to.deep.equal({
      id: tomas.userId,
      escrow: null,
      epoch: 1,
    });
    expect(await patient.fails('GET', fileOf(tomas))).to.equal('FORBIDDEN');
    expect(await patient.fails('GET', `/patients/${people.doctor.userId}`)).to.equal('NOT_FOUND');
  });

  it('has no details of a patient who registered at another gateway', async () => {
    const { patient, doctor } = people;
    await api.restart((store) =>
      // As on a gateway that has never seen this patient.
      store.commit([{ space: 'accounts', key: patient.userId, value: undefined }]),
    );
    await doctor.logIn();
    expect(await inList(doctor, '/care', patient)).to.deep.equal({ patient: patient.userId });
    const { id, details } = await doctor.get(fileOf(patient), file);
    expect({ id, details }).to.deep.equal({ id: patient.userId, details: undefined });
  });
});

describe('a patient’s appointments and consultations', () => {
  let api: TestApi;
  let people: Practice;
  let other: Visitor;
  let lena: Visitor;
  const base = () => `/patients/${people.patient.userId}`;
  before(async () => {
    api = await TestApi.start('meetings-of-a-patient');
    people = await openPractice(api);
    const { hospital, doctor, patient } = people;
    other = await api.visitor('bruun').register('doctor', { profile: { name: 'Bruun' } });
    lena = await api.visitor('lena').register('relative', { details: { name: 'Lena' } });
    const asked = await other.change('/affiliations', { hospital: hospital.userId });
    await hospital.change(`/affiliations/${other.userId}/authorise`, { replaces: asked.version });
    const care = await patient.change('/care', {
      doctor: other.userId,
      hospital: hospital.userId,
    });
    await other.change(`/care/${patient.userId}/${care.id}/approve`, { replaces: care.version });
    for (const [index, who] of [doctor, other, doctor].entries()) {
      api.clock.advance(1);
      const startsAt = api.clock.now() + (24 + index) * HOUR_MS;
      await who.change('/slots', {
        hospital: hospital.userId,
        slots: [{ startsAt, minutes: 30 }],
      });
      const free = (await patient.get(`/doctors/${who.userId}/slots`, slots)).items.at(-1);
      await patient.change(`${base()}/appointments`, { doctor: who.userId, ...free });
      const body = { patient: patient.userId, hospital: hospital.userId };
      await who.post('/consultations', body, opened);
    }
    await patient.change(`${base()}/kin`, {
      relative: lena.userId,
      rights: ['view'],
    });
  });
  after(() => api.close());

  const doctorsIn = async (visitor: Visitor, what: string) =>
    (await visitor.get(`${base()}/${what}`, meetings)).items.map(({ doctor }) => doctor);

  it('are for the patient and a guardian, no other relative, page by page', async () => {
    const { patient, doctor } = people;
    const three = [doctor.userId, doctor.userId, other.userId];
    for (const what of ['appointments', 'consultations']) {
      expect(await doctorsIn(patient, what)).to.have.members(three);
      expect(await lena.fails('GET', `${base()}/${what}`), what).to.equal('FORBIDDEN');
      const first = await patient.get(`${base()}/${what}?limit=2`, meetings);
      expect(first.items).to.have.length(2);
      const path = `${base()}/${what}?limit=2&bookmark=${encodeURIComponent(first.bookmark)}`;
      const second = await patient.get(path, meetings);
      const ids = [...first.items, ...second.items].map(({ id }) => id);
      expect(new Set(ids).size).to.equal(3);
    }
    const [link] = (
      await patient.get(
        `${base()}/kin`,
        z.object({ items: z.array(z.object({ id: z.string(), version: z.int() })) }),
      )
    ).items;
    await patient.change(`${base()}/kin/${link?.id ?? ''}/amend`, {
      rights: ['guardian'],
      notAfter: api.clock.now() + HOUR_MS / 6,
      replaces: link?.version,
    });
    for (const what of ['appointments', 'consultations'])
      expect(await doctorsIn(lena, what)).to.have.members(three);
    api.clock.advance(HOUR_MS / 6);
    for (const what of ['appointments', 'consultations'])
      expect(await lena.fails('GET', `${base()}/${what}`), what).to.equal('FORBIDDEN');
  });

  it('a doctor and a hospital in care see the appointments with them, and no list of consultations', async () => {
    const { doctor, hospital } = people;
    expect(await doctorsIn(doctor, 'appointments')).to.deep.equal([doctor.userId, doctor.userId]);
    expect(await doctorsIn(other, 'appointments')).to.deep.equal([other.userId]);
    expect(await doctorsIn(hospital, 'appointments')).to.have.length(3);
    for (const visitor of [doctor, hospital])
      expect(await visitor.fails('GET', `${base()}/consultations`)).to.equal('FORBIDDEN');
  });

  it('a hospital and a doctor without care, another patient, and an auditor see none', async () => {
    const { hospital } = people;
    const south = await api.visitor('south').register('hospital', { profile: { name: 'South' } });
    await hospital.change(`/hospitals/${south.userId}/vote`);
    const stranger = await api.visitor('dubois').register('doctor', { profile: { name: 'D' } });
    const tomas = await api
      .visitor('tomas')
      .register('patient', { details: { name: 'Tomas' }, escrow: null });
    const auditor = await api.visitor('eyre').register('auditor', { profile: { name: 'Eyre' } });
    for (const voter of [hospital, south]) await voter.change(`/hospitals/${auditor.userId}/vote`);
    for (const visitor of [south, stranger, tomas, auditor])
      for (const what of ['appointments', 'consultations'])
        expect(await visitor.fails('GET', `${base()}/${what}`), visitor.login).to.equal(
          'FORBIDDEN',
        );
  });
});
