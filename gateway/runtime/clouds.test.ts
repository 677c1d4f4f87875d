// Two clouds that are folders: what is said at the start when one disk holds them both.
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../ambient.js';
import { loadConfig } from '../config/index.js';
import { GatewayError } from '../errors.js';
import { createLog } from '../logging.js';
import { Metrics } from '../metrics.js';
import { openStore, type Store } from '../store/index.js';
import { failure, temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { firstPlan, onOneDisk, secondPlan } from './cloud-plan.js';
import { openCopies } from './clouds.js';

describe('two clouds on one disk', () => {
  let folder: TemporaryFolder;
  let store: Store;
  beforeEach(async () => {
    folder = await temporaryFolder();
    store = await openStore(join(folder.path, 'store'));
  });
  afterEach(async () => {
    await store.close();
    await folder.remove();
  });

  const configOf = (env: Readonly<Record<string, string>>) =>
    loadConfig({ PRMS_DATA: folder.path, ...env }).config;

  /** What is logged while they are opened. */
  const linesOf = async (env: Readonly<Record<string, string>>) => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const log = createLog({ level: 'info', destination });
    const parts = { clock: systemClock, store, log, metrics: new Metrics({ process: false }) };
    const copies = await openCopies({ config: configOf(env), ...parts });
    await copies.close();
    return lines.map((line): unknown => JSON.parse(line));
  };

  it('start with a warning that names the setting', async () => {
    const lines = await linesOf({ PRMS_CLOUD_SECOND: 'filesystem' });
    expect(lines).to.have.length(1);
    expect(lines[0]).to.include({
      level: 'warn',
      event: 'cloud.same-disk',
      code: 'SAME_DISK',
      cloud: 'filesystem-2',
      setting: 'PRMS_CLOUD_SECOND_DIR',
    });
  });

  for (const [what, env] of [
    ['one folder', {}],
    ['a folder and a bucket', { PRMS_CLOUD_SECOND: 's3', PRMS_CLOUD_SECOND_BUCKET: 'records' }],
  ] as const) {
    it(`say nothing when they are ${what}`, async () =>
      expect(await linesOf(env)).to.deep.equal([]));
  }

  it('say nothing when their folders are on two disks', async () => {
    const config = configOf({ PRMS_CLOUD_SECOND: 'filesystem' });
    const first = firstPlan(config);
    const second = secondPlan(config, first.name);
    if (!second) throw new Error('a second cloud is set');
    const devices = (dev: number) => (root: string) =>
      Promise.resolve(root === first.root ? { dev: 1, ino: 2 } : { dev, ino: 3 });
    expect(await onOneDisk(first, second, devices(1))).to.equal(true);
    expect(await onOneDisk(first, second, devices(2))).to.equal(false);
  });

  it('don’t start when one folder goes by two names', async () => {
    const [real, alias] = [join(folder.path, 'real'), join(folder.path, 'alias')];
    await mkdir(real);
    await symlink(real, alias);
    const second = { PRMS_CLOUD_SECOND: 'filesystem', PRMS_CLOUD_SECOND_DIR: alias };
    const error = await failure(GatewayError, () => linesOf({ PRMS_CLOUD_DIR: real, ...second }));
    expect(error.code).to.equal('CONFIG');
    expect(error.message).to.include('PRMS_CLOUD_SECOND_DIR');
  });
});
