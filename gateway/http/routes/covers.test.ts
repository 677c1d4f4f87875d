// One's own covers over HTTP: they wait, carry one report each, and are gone; and no new report is hidden as the paper did.
import { randomBytes } from 'node:crypto';
import { encodePng } from '@prms/stego';
import { expect } from 'chai';
import { z } from 'zod';
import { problemSchema } from '../base/index.js';
import { openPractice, TestApi, type Visitor } from './testing-api.js';

const SIDE = 128;
const covers = z.object({ items: z.array(z.object({ id: z.string() })) });
const added = z.object({ id: z.string() });
const uploaded = z.object({
  report: z.object({
    images: z.array(z.object({ synthesised: z.boolean() })),
    notice: z.string().optional(),
  }),
});

describe('covers', () => {
  let api: TestApi;
  let maria: Visitor;
  before(async () => {
    api = await TestApi.start('covers');
    maria = (await openPractice(api)).patient;
  });
  after(() => api.close());

  const photo = (filter: 'none' | 'average' = 'average', pixels = noise()) =>
    encodePng({ width: SIDE, height: SIDE, pixels }, { filter });
  const noise = () => new Uint8Array(randomBytes(SIDE * SIDE * 3));
  const form = (cover: Uint8Array) => {
    const data = new FormData();
    data.append('cover', new Blob([new Uint8Array(cover)]), 'holiday.png');
    return data;
  };
  const report = (meta: object = {}) => {
    const data = new FormData();
    data.append('meta', JSON.stringify({ title: 'Blood', category: 'laboratory', ...meta }));
    data.append('report', new Blob(['Hb 13.9 g/dl']), 'blood.txt');
    return data;
  };
  const path = () => `/patients/${maria.userId}/reports`;
  const waiting = async (visitor: Visitor) =>
    (await visitor.get('/covers', covers)).items.map(({ id }) => id);

  it('wait for their owner’s next report, carry it, and are gone for everybody', async () => {
    const tomas = await api
      .visitor('tomas')
      .register('patient', { details: { name: 'Tomas' }, escrow: null });
    const pixels = noise();
    const { id } = await maria.post('/covers', form(photo('average', pixels)), added);
    expect(await waiting(maria)).to.deep.equal([id]);
    expect(await waiting(tomas)).to.deep.equal([]);
    expect(await tomas.fails('DELETE', `/covers/${id}`)).to.equal('NOT_FOUND');

    const first = await maria.post(path(), report(), uploaded);
    expect(first.report.images).to.deep.equal([{ synthesised: false }]);
    expect(first.report).to.not.have.property('notice');
    expect(await waiting(maria)).to.deep.equal([]);
    for (const visitor of [maria, tomas])
      for (const filter of ['average', 'none'] as const)
        expect(await visitor.fails('POST', '/covers', form(photo(filter, pixels)))).to.equal(
          'CONFLICT',
        );

    const second = await maria.post(path(), report(), uploaded);
    expect(second.report.images).to.deep.equal([{ synthesised: true }]);
    expect(second.report.notice).to.match(/no unused cover photo.*synthetic picture was made/);
  });

  it('that were taken away are not used', async () => {
    const { id } = await maria.post('/covers', form(photo()), added);
    expect((await maria.ask('DELETE', `/covers/${id}`)).status).to.equal(204);
    expect(await maria.fails('DELETE', `/covers/${id}`)).to.equal('NOT_FOUND');
    const { report: made } = await maria.post(path(), report(), uploaded);
    expect(made.images).to.deep.equal([{ synthesised: true }]);
  });

  it('never carry a new report in the paper’s own way, which everybody can read', async () => {
    const { id } = await maria.post('/covers', form(photo()), added);
    const answer = await maria.ask('POST', path(), report({ suite: 'paper' }));
    expect(answer.status).to.equal(422);
    const { code, fields } = problemSchema.parse(answer.body);
    expect(code).to.equal('VALIDATION');
    expect(fields?.map((field) => field.path).join()).to.match(/suite$/);
    expect((await maria.ask('POST', path(), report({ profile: 'paper' }))).status).to.equal(422);
    expect(await waiting(maria)).to.deep.equal([id]);
  });
});
