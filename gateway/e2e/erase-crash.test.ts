// A gateway that is killed while it erases: the next one sees to it that nothing is left.
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { Life } from './life.js';
import { PATIENT, visitorAt } from './load/index.js';
import { SETUP_CODE, smallCover, text, uploadForm, type Visitor } from './world.js';

/** Nobody is made to wait long for a ledger that hangs. */
const WAITS = { PRMS_COMMIT_WAIT_MS: '1000', PRMS_EMERGENCY_COMMIT_WAIT_MS: '1000' };

const stateSchema = z.looseObject({ state: z.string() });

describe('a gateway that is killed while it erases', function () {
  this.timeout(120_000);
  let folder: TemporaryFolder;
  let life: Life | undefined;
  let maria: Visitor;
  let place = '';
  let clouds = '';
  let before: string[] = [];

  beforeEach(async () => {
    folder = await temporaryFolder();
    clouds = join(folder.path, 'clouds');
    const { url } = (life = await Life.begin(folder.path, WAITS));
    const founding = { profile: { name: 'North' }, setupCode: SETUP_CODE };
    await visitorAt(url, 'north').register('hospital', founding);
    maria = await visitorAt(url, 'maria').register('patient', PATIENT);
    before = await filesIn(clouds);
    const path = `/patients/${maria.userId}/reports`;
    const form = uploadForm({ bytes: text('to be erased'), covers: [smallCover()] });
    const schema = z.object({ report: z.looseObject({ id: z.string() }) });
    place = `${path}/${(await maria.post(path, form, schema)).report.id}`;
  });
  afterEach(async () => {
    await life?.kill();
    await folder.remove();
  });

  const erase = async (): Promise<number> =>
    (await maria.ask('POST', `${place}/erase`, { replaces: 1 })).status;
  const end = async (): Promise<void> => {
    await life?.kill();
    life = undefined;
  };
  /** Another life, in which in the end nothing is left and everybody says so. */
  const expectDone = async (): Promise<void> => {
    const { url } = (life = await Life.begin(folder.path, WAITS));
    const again = await visitorAt(url, 'maria').logIn();
    const state = () => again.get(`${place}/erasure`, stateSchema);
    for (let i = 0; i < 400 && (await state()).state !== 'done'; i++) await sleep(50);
    expect(await state()).to.include({ state: 'done', by: maria.userId });
    expect(await filesIn(clouds)).to.deep.equal(before);
    const read = { action: 'view', purpose: 'treatment' };
    expect(await again.fails('POST', `${place}/access`, read)).to.equal('GONE:REPORT_ERASED');
  };

  it('before the ledger has it', async () => {
    await life?.ledger('hangs');
    expect(await erase()).to.equal(504);
    await end();
    expect(await filesIn(clouds)).not.to.deep.equal(before);
    await expectDone();
  });

  it('before the cloud has been told', async () => {
    // The cloud's disk is away: a file lies where its folder was.
    await rename(clouds, `${clouds}.away`);
    await writeFile(clouds, 'not a folder');
    expect(await erase()).to.equal(200);
    await end();
    await rm(clouds);
    await rename(`${clouds}.away`, clouds);
    expect(await filesIn(clouds)).not.to.deep.equal(before);
    await expectDone();
  });
});

async function filesIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort();
}
