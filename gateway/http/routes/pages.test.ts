// How long a page is when the request does not say: as the settings have it, and as the request has it once it does.
import { expect } from 'chai';
import { z } from 'zod';
import { openPractice, TestApi, type Practice } from './testing-api.js';

const pageSchema = z.looseObject({ items: z.array(z.unknown()), bookmark: z.string() });
const messagesSchema = z.looseObject({ items: z.array(z.looseObject({ number: z.int() })) });
const created = z.looseObject({ id: z.string() });

describe('a page whose request names no limit', () => {
  let api: TestApi;
  let people: Practice;
  before(async () => {
    api = await TestApi.start('pages', { PRMS_PAGE_ITEMS: '2', PRMS_MESSAGES_PER_PAGE: '3' });
    people = await openPractice(api);
  });
  after(() => api.close());

  it('of a list has PRMS_PAGE_ITEMS items, and the bookmark leads to the rest', async () => {
    const { doctor } = people;
    for (const login of ['bruun', 'costa', 'dahl', 'eide'])
      await api.visitor(login).register('hospital', { profile: { name: login } });
    const page = (query: string) => doctor.get(`/hospitals${query}`, pageSchema);
    const first = await page('');
    expect(first.items).to.have.length(2);
    const bookmark = encodeURIComponent(first.bookmark);
    const second = await page(`?bookmark=${bookmark}`);
    expect(second.items).to.have.length(2);
    expect(second.items).to.not.deep.equal(first.items);
    expect((await page('?limit=5')).items).to.deep.include.members([
      ...first.items,
      ...second.items,
    ]);
  });

  it('of a consultation has PRMS_MESSAGES_PER_PAGE messages, the earliest after the one named', async () => {
    const { doctor, hospital, patient } = people;
    const wish = { patient: patient.userId, hospital: hospital.userId };
    const { id } = await doctor.post('/consultations', wish, created);
    const path = `/patients/${patient.userId}/consultations/${id}/messages`;
    for (let n = 1; n <= 5; n++) await doctor.post(path, { text: `Number ${n}` }, z.unknown());
    const numbers = async (query: string) =>
      (await doctor.get(path + query, messagesSchema)).items.map(({ number }) => number);
    expect(await numbers('')).to.deep.equal([1, 2, 3]);
    expect(await numbers('?after=3')).to.deep.equal([4, 5]);
    expect(await numbers('?limit=5')).to.deep.equal([1, 2, 3, 4, 5]);
  });
});
