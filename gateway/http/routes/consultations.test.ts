// Consultations over plain requests, and how their messages rest in the store.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import {
  commitToKey,
  firstHead,
  headsOf,
  shownSchema,
} from '../../services/consultations/index.js';
import { loadMasterKey } from '../../vault/index.js';
import type { Store, StoreEntry } from '../../store/index.js';
import { openPractice, TestApi, type Practice, type Visitor } from './testing-api.js';

const HOUR_MS = 60 * 60_000;
const created = z.object({ id: z.string(), receipt: z.object({ version: z.int() }) });
const consultation = z.object({
  status: z.string(),
  count: z.int(),
  head: z.string().optional(),
  version: z.int(),
});
const messageList = z.object({ items: z.array(shownSchema) });
const keySchema = z.object({ commitment: z.string(), wraps: z.array(z.unknown()) });
const problem = z.looseObject({ code: z.string() });

describe('consultations over HTTP', () => {
  let api: TestApi;
  let people: Practice;
  let path = '';
  let id = '';
  before(async () => {
    api = await TestApi.start('consultations');
    people = await openPractice(api);
    const { doctor, hospital, patient } = people;
    const body = { patient: patient.userId, hospital: hospital.userId };
    ({ id } = await doctor.post('/consultations', body, created));
    path = `/patients/${patient.userId}/consultations/${id}`;
  });
  after(() => api.close());

  const said = z.object({ number: z.int(), id: z.string(), at: z.int(), head: z.string() });
  const say = (visitor: Visitor, text: string) => visitor.post(`${path}/messages`, { text }, said);
  const heard = async (visitor: Visitor, query = '') =>
    (await visitor.get(`${path}/messages${query}`, messageList)).items;
  const texts = async (visitor: Visitor, query = '') =>
    (await heard(visitor, query)).map((each) => (each.kind === 'message' ? each.text : each.kind));

  it('wait for the doctor to let the patient in', async () => {
    const { doctor, patient, hospital } = people;
    const admit = (user: string) => ['POST', `${path}/admit`, { user }] as const;
    expect(await patient.fails('POST', `${path}/messages`, { text: 'x' })).to.equal('FORBIDDEN');
    expect(await patient.fails('GET', `${path}/messages`)).to.equal('FORBIDDEN');
    expect(await patient.fails('GET', `${path}/transcript`)).to.equal('FORBIDDEN');
    expect(await patient.fails(...admit(patient.userId))).to.equal('FORBIDDEN');
    expect(await doctor.fails(...admit(hospital.userId))).to.equal('FORBIDDEN');
    expect((await doctor.ask(...admit(patient.userId))).body).to.deep.equal({
      admitted: [patient.userId],
    });
    expect(await heard(patient)).to.deep.equal([]);
    expect(await patient.fails('GET', `${path}/socket`)).to.equal('BAD_REQUEST');
  });

  it('put what is said in one order for both sides, on a chain that begins with the key', async () => {
    const { doctor, patient } = people;
    const first = await say(doctor, 'How are you?');
    // Both at once: one waits for the other.
    await Promise.all([say(patient, 'Better, thank you. 🙂'), say(doctor, 'And the leg?')]);
    const all = await heard(patient);
    expect(all).to.deep.equal(await heard(doctor));
    expect(all.map(({ number }) => number)).to.deep.equal([1, 2, 3]);
    expect(all[0]).to.include({ sender: doctor.userId, text: 'How are you?', head: first.head });
    expect(await texts(patient, '?after=2')).to.have.length(1);
    expect(await texts(patient, '?after=1&limit=1')).to.have.length(1);
    const { commitment } = await patient.get(`${path}/key`, keySchema);
    expect(headsOf(firstHead(id, commitment), all)).to.deep.equal(all.map(({ head }) => head));
    // Nothing is anchored yet: that comes with others, or when it is quiet.
    expect((await patient.get(path, consultation)).count).to.equal(0);
    api.clock.advance(HOUR_MS / 60);
    await api.gateway.services.consultations.sweep();
    expect(await patient.get(path, consultation)).to.include({ count: 3, head: all[2]?.head });
    const listed = z.object({ items: z.array(z.object({ count: z.int() })) });
    for (const visitor of [doctor, patient])
      expect((await visitor.get('/consultations', listed)).items[0]?.count).to.equal(3);
  });

  it('leave no text on the ledger', async () => {
    const { patient } = people;
    const query = `kind=consultation&id=${id}`;
    const history = await patient.ask('GET', `/patients/${patient.userId}/history?${query}`);
    expect(history.status).to.equal(200);
    expect(JSON.stringify(history.body)).to.include('"count":3').and.not.include('leg');
  });

  it('are for the doctor, the patient and a guardian', async () => {
    const { doctor, patient } = people;
    const other = await api.visitor('bruun').register('doctor', { profile: { name: 'Bruun' } });
    const lena = await api.visitor('lena').register('relative', { details: { name: 'Lena' } });
    const wraps = [{ recipient: lena.userId, kid: 'A'.repeat(22), wrapped: 'A'.repeat(152) }];
    const key = { commitment: 'A'.repeat(43), wraps };
    for (const visitor of [other, lena]) {
      expect(await visitor.fails('GET', path)).to.equal('FORBIDDEN');
      for (const what of ['messages', 'key', 'transcript', 'socket'])
        expect(await visitor.fails('GET', `${path}/${what}`), what).to.equal('FORBIDDEN');
      expect(await visitor.fails('POST', `${path}/messages`, { text: 'x' })).to.equal('FORBIDDEN');
      expect(await visitor.fails('PUT', `${path}/key`, key)).to.equal('FORBIDDEN');
      expect(await visitor.fails('POST', `${path}/close`)).to.equal('FORBIDDEN');
    }
    await patient.change(`/patients/${patient.userId}/kin`, {
      relative: lena.userId,
      rights: ['guardian'],
      notAfter: api.clock.now() + HOUR_MS / 6,
    });
    await doctor.ask('POST', `${path}/admit`, { user: lena.userId });
    // The key was handed on when she was named: nobody else need be there.
    expect((await heard(lena)).length).to.equal(3);
    await say(lena, 'She sleeps badly.');
    expect((await heard(doctor)).at(-1)?.sender).to.equal(lena.userId);
    api.clock.advance(HOUR_MS / 3);
    expect(await lena.fails('GET', `${path}/messages`)).to.equal('FORBIDDEN');
  });

  it('take no second key, and none for strangers', async () => {
    const { doctor, patient } = people;
    const { commitment } = await patient.get(`${path}/key`, keySchema);
    const { wraps } = await patient.get(
      `${path}/key`,
      z.object({ wraps: z.array(z.looseObject({ wrapped: z.string() })) }),
    );
    const other = { commitment: 'A'.repeat(43), wraps };
    expect(await doctor.fails('PUT', `${path}/key`, other)).to.equal('CONFLICT');
    const foreign = wraps.map((wrap) => ({ ...wrap, recipient: people.hospital.userId }));
    const given = { commitment, wraps: foreign };
    expect(await doctor.fails('PUT', `${path}/key`, given)).to.equal('VALIDATION');
    expect((await doctor.ask('PUT', `${path}/key`, { commitment, wraps })).status).to.equal(204);
    expect(await doctor.get(`${path}/key`, keySchema)).to.have.property('commitment', commitment);
  });

  it('rest encrypted for those who talk: store and master key together open no text', async () => {
    const { patient, doctor } = people;
    const dataDir = api.gateway.services.config.dataDir;
    const spaces = ['messages', 'message-ids', 'message-tails', 'consultation-keys'];
    const master = await loadMasterKey({
      configured: '',
      file: join(dataDir, 'gateway.key'),
      random: () => new Uint8Array(),
    });
    let sealed = 0;
    await api.restart(async (store) => {
      for await (const { key, value } of store.list('messages')) {
        const entry = shownSchema.parse(JSON.parse(Buffer.from(value).toString('utf8')));
        if (entry.kind !== 'message') continue;
        sealed += 1;
        const bytes = Buffer.from(entry.sealed, 'base64url');
        for (const subject of [id, key, entry.id])
          expect(() => master.openUnderMaster('message', subject, bytes)).to.throw();
      }
      // Nor does anything that rests under the master key, opened, hold the consultation's key.
      const { commitment } = z
        .object({ commitment: z.string() })
        .parse(
          JSON.parse(Buffer.from((await store.get('consultation-keys', id)) ?? []).toString()),
        );
      for await (const { value } of store.list('hospital-keys')) {
        const { keys } = z
          .object({ keys: z.array(z.object({ kid: z.string(), sealed: z.string() })) })
          .parse(JSON.parse(Buffer.from(value).toString('utf8')));
        for (const { kid, sealed: box } of keys) {
          const subject = `${people.hospital.userId}.${kid}`;
          const key = master.openUnderMaster(
            'hospital-key',
            subject,
            Buffer.from(box, 'base64url'),
          );
          expect(commitToKey(id, key)).not.to.equal(commitment);
          // No wrap of the consultation's key is for the hospital.
          for await (const wrap of store.list('consultation-wraps', { prefix: `${id}/` }))
            expect(wrap.key).not.to.include(people.hospital.userId).and.not.include(kid);
        }
      }
      for (const space of spaces)
        for await (const { value } of store.list(space))
          expect(Buffer.from(value).toString('latin1')).not.to.match(/leg|thank|sleeps/);
    });
    expect(sealed).to.equal(4);
    for (const file of await readdir(join(dataDir, 'store')))
      expect((await readFile(join(dataDir, 'store', file))).toString('latin1')).not.to.match(
        /And the leg|sleeps badly/,
      );
    await Promise.all([patient.logIn(), doctor.logIn()]);
    expect(await texts(patient)).to.include('And the leg?');
  });

  it('say when a stored message is missing, or another one', async () => {
    const { doctor, patient } = people;
    const before = await heard(patient);
    const stolen: StoreEntry[] = [];
    const meddle = async (change: (store: Store) => Promise<unknown>) => {
      await api.restart(change);
      await Promise.all([patient.logIn(), doctor.logIn()]);
    };
    await meddle(async (store) => {
      for await (const entry of store.list('messages')) stolen.push(entry);
      const [, second] = stolen;
      await store.commit([{ space: 'messages', key: second?.key ?? '', value: undefined }]);
    });
    expect(await patient.fails('GET', `${path}/messages`)).to.equal('STORE_DAMAGED');
    // Another message in its place is not of this number's sender and id.
    const [first, second] = stolen;
    const swapped = Buffer.from(first?.value ?? [])
      .toString('utf8')
      .replace('"number":1', '"number":2')
      .replace(people.doctor.userId, people.patient.userId);
    await meddle((store) =>
      store.commit([{ space: 'messages', key: second?.key ?? '', value: Buffer.from(swapped) }]),
    );
    expect(await patient.fails('GET', `${path}/messages`)).to.equal('STORE_DAMAGED');
    await meddle((store) => store.commit(stolen.map((entry) => ({ space: 'messages', ...entry }))));
    expect(await heard(patient)).to.deep.equal(before);
  });

  it('take no word after they are closed, and are read by whoever may', async () => {
    const { doctor, patient } = people;
    await doctor.change(`${path}/close`);
    expect(await patient.get(path, consultation)).to.include({ status: 'closed', count: 4 });
    expect(await patient.fails('POST', `${path}/messages`, { text: 'late' })).to.equal('CONFLICT');
    expect(await doctor.fails('POST', `${path}/close`)).to.equal('REFUSED:WRONG_STATE');
    expect((await heard(patient)).length).to.equal(4);
  });

  it('of which the hospital is elsewhere are not opened here', async () => {
    const { doctor, patient } = people;
    const wish = { patient: patient.userId, hospital: patient.userId };
    const answer = problem.parse((await doctor.ask('POST', '/consultations', wish)).body);
    expect(answer.code).to.equal('ELSEWHERE');
  });
});
