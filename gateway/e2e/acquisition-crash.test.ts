// Documents that wait, and a gateway that is killed: each that was answered becomes exactly one report.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { openPractice, Visitor, type TestApi } from '../http/routes/testing-api.js';
import { temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { Life } from './life.js';
import { intakeForm, PROMPT } from './systems.js';
import { text } from './world.js';

const LIVES = 4;
const documentSchema = z.looseObject({
  id: z.string(),
  state: z.string(),
  report: z.string().optional(),
});
const reportsSchema = z.object({ items: z.array(z.looseObject({ id: z.string() })) });

describe('documents that wait in a gateway that is killed', function () {
  this.timeout(180_000);
  let folder: TemporaryFolder;
  let life: Life | undefined;

  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(async () => {
    await life?.kill();
    await folder.remove();
  });

  /** Answers are not held against the document here: a killed gateway answers nothing. */
  const at = ({ url }: Life): Pick<TestApi, 'url' | 'check'> => ({ url, check: () => undefined });
  const begin = async () =>
    (life = await Life.begin(folder.path, { ...PROMPT, PRMS_COMMIT_WAIT_MS: '3000' }));

  it('become one report each, however often it is killed', async () => {
    let now = await begin();
    const visitorAt = (login: string) => new Visitor(at(now), login);
    const { hospital, patient } = await openPractice({ visitor: visitorAt });
    const made = await hospital.post(
      '/services',
      { profile: { name: 'Laboratory' } },
      z.object({ token: z.string() }),
    );
    const lab = () => Object.assign(new Visitor(at(now), 'lab'), { token: made.token });
    const sent = Array.from({ length: 6 }, (_, i) => ({
      patient,
      bytes: text(`Result ${i}`),
      identifier: `lab|${i}`,
    }));
    const handIn = (which: (typeof sent)[number]) =>
      lab().post('/intake/reports', intakeForm(which), documentSchema);

    const ids: string[] = [];
    await now.ledger('hangs');
    for (const which of sent.slice(0, 3)) ids.push((await handIn(which)).id);
    for (let i = 0; i < LIVES; i++) {
      // At another moment each time: before, in and after an attempt.
      await sleep(150 * i);
      await now.kill();
      now = await begin();
      if (i === 0) for (const which of sent.slice(3)) ids.push((await handIn(which)).id);
    }
    const fates = async () =>
      Promise.all(ids.map((id) => lab().get(`/intake/reports/${id}`, documentSchema)));
    let states = await fates();
    for (let i = 0; i < 400 && states.some(({ state }) => state === 'waiting'); i++) {
      await sleep(100);
      states = await fates();
    }
    expect(states.map(({ state }) => state)).to.deep.equal(ids.map(() => 'anchored'));
    const again: { readonly id: string }[] = [];
    for (const which of sent) again.push(await handIn(which));
    expect(again.map(({ id }) => id)).to.deep.equal(ids);
    const maria = await visitorAt('maria').logIn();
    const { items } = await maria.get(
      `/patients/${patient.userId}/reports?limit=100`,
      reportsSchema,
    );
    expect(items.map(({ id }) => id)).to.have.members(states.map(({ report }) => report));
    expect(items).to.have.length(sent.length);
  });
});
