// Which clouds the settings make, and which settings stop the start: each names itself, and never shows a secret.
import { expect } from 'chai';
import { describeConfig, loadConfig } from '../config/index.js';
import { GatewayError } from '../errors.js';
import { failure, temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { firstPlan, openPlanned, secondPlan } from './cloud-plan.js';

const SECRET = 'c2VjcmV0LXNlY3JldC1zZWNyZXQ=';
const KEY = JSON.stringify({ client_email: 'gateway@example', private_key: 'KEY' });

describe('clouds by their settings', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  const opened = async (env: Readonly<Record<string, string>>) => {
    const { config } = loadConfig({ PRMS_DATA: folder.path, ...env });
    const first = await openPlanned(firstPlan(config), config);
    const plan = secondPlan(config, first.name);
    const second = plan && (await openPlanned(plan, config));
    return [first.name, ...(second ? [second.name] : [])];
  };
  const S3 = { PRMS_CLOUD: 's3', PRMS_CLOUD_BUCKET: 'records' };

  for (const [what, env, names] of [
    ['one folder by default', {}, ['filesystem']],
    ['two folders', { PRMS_CLOUD_SECOND: 'filesystem' }, ['filesystem', 'filesystem-2']],
    ['s3 with credentials that it finds', S3, ['s3']],
    [
      'a folder and s3',
      {
        PRMS_CLOUD_SECOND: 's3',
        PRMS_CLOUD_SECOND_BUCKET: 'records',
        PRMS_CLOUD_SECOND_ENDPOINT: 'http://127.0.0.1:9000',
        PRMS_CLOUD_SECOND_ACCOUNT: 'KEYID',
        PRMS_CLOUD_SECOND_SECRET: SECRET,
        PRMS_CLOUD_SECOND_NAME: 'north-s3',
      },
      ['filesystem', 'north-s3'],
    ],
    [
      'azure and gcs',
      {
        PRMS_CLOUD: 'azure',
        PRMS_CLOUD_BUCKET: 'records',
        PRMS_CLOUD_ACCOUNT: 'north',
        PRMS_CLOUD_SECRET: SECRET,
        PRMS_CLOUD_SECOND: 'gcs',
        PRMS_CLOUD_SECOND_BUCKET: 'records',
        PRMS_CLOUD_SECOND_ACCOUNT: 'project',
        PRMS_CLOUD_SECOND_SECRET: KEY,
      },
      ['azure', 'gcs'],
    ],
  ] as const) {
    it(`opens ${what}`, async () => expect(await opened(env)).to.deep.equal(names));
  }

  for (const [setting, env] of [
    ['PRMS_CLOUD', { PRMS_CLOUD: 'floppy' }],
    ['PRMS_CLOUD_BUCKET', { PRMS_CLOUD: 's3' }],
    ['PRMS_CLOUD_BUCKET', { ...S3, PRMS_CLOUD_BUCKET: 'No Bucket' }],
    ['PRMS_CLOUD_ENDPOINT', { ...S3, PRMS_CLOUD_ENDPOINT: 'ftp://x' }],
    ['PRMS_CLOUD_PREFIX', { ...S3, PRMS_CLOUD_PREFIX: '../' }],
    ['PRMS_CLOUD_NAME', { PRMS_CLOUD_NAME: 'North Cloud' }],
    ['PRMS_CLOUD_SECRET', { ...S3, PRMS_CLOUD_ACCOUNT: 'KEYID' }],
    ['PRMS_CLOUD_ACCOUNT', { ...S3, PRMS_CLOUD_SECRET: SECRET }],
    ['PRMS_CLOUD_ACCOUNT', { ...S3, PRMS_CLOUD: 'azure', PRMS_CLOUD_SECRET: SECRET }],
    [
      'PRMS_CLOUD_SECRET',
      { ...S3, PRMS_CLOUD: 'azure', PRMS_CLOUD_ACCOUNT: 'a', PRMS_CLOUD_SECRET: '!secret!' },
    ],
    ['PRMS_CLOUD_ACCOUNT', { ...S3, PRMS_CLOUD: 'gcs' }],
    [
      'PRMS_CLOUD_SECRET',
      { ...S3, PRMS_CLOUD: 'gcs', PRMS_CLOUD_ACCOUNT: 'p', PRMS_CLOUD_SECRET: '{"secret":1}' },
    ],
    [
      'PRMS_CLOUD_SECOND_NAME',
      { PRMS_CLOUD_SECOND: 'filesystem', PRMS_CLOUD_SECOND_NAME: 'filesystem' },
    ],
    [
      'PRMS_CLOUD_SECOND_DIR',
      {
        PRMS_CLOUD_SECOND: 'filesystem',
        PRMS_CLOUD_DIR: '/same',
        PRMS_CLOUD_SECOND_DIR: '/same',
      },
    ],
    [
      'PRMS_CLOUD_SECOND_BUCKET',
      { ...S3, PRMS_CLOUD_SECOND: 's3', PRMS_CLOUD_SECOND_BUCKET: 'records' },
    ],
  ] as const) {
    it(`does not start with ${JSON.stringify(env)}: names ${setting}`, async () => {
      const error = await failure(GatewayError, () =>
        opened({ ...env, PRMS_CLOUD_DIR: folder.path, ...env }),
      );
      expect(error.code).to.equal('CONFIG');
      expect(error.message).to.include(`${setting}:`);
      const given = 'PRMS_CLOUD_SECRET' in env ? env.PRMS_CLOUD_SECRET : SECRET;
      expect(error.message).to.not.include(given);
    });
  }

  it('never prints a secret', () => {
    const text = describeConfig(
      loadConfig({ PRMS_CLOUD_SECRET: SECRET, PRMS_CLOUD_SECOND_SECRET: KEY }),
    );
    expect(text)
      .to.match(/^cloudSecret +\(set\)/m)
      .and.match(/^cloudSecondSecret +\(set\)/m);
    expect(text).to.not.include(SECRET).and.not.include('gateway@example');
  });
});
