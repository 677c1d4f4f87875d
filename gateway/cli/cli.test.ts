// `prms config`, as a program sees it: its own process, its own environment.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { z } from 'zod';
import { settingNames } from '../config/index.js';
import { temporaryFolder } from '../testing/index.js';

const SECRET = 'a-secret-that-nobody-may-see';
const program = fileURLToPath(new URL('../../../bin/prms.mjs', import.meta.url));
const settingsSchema = z.record(
  z.string(),
  z.strictObject({
    value: z.union([z.string(), z.number()]),
    source: z.enum(['environment', 'file', 'default']),
  }),
);

async function config(...words: string[]): Promise<{ stdout: string; stderr: string }> {
  const folder = await temporaryFolder();
  // The environment of whoever runs the tests stays out of it.
  const env = { PRMS_PORT: '8123', PRMS_SETUP_CODE: SECRET, PRMS_PROT: '1' };
  const run = promisify(execFile);
  const options = { env, cwd: folder.path };
  return run(process.execPath, [program, 'config', ...words], options).finally(() =>
    folder.remove(),
  );
}

describe('prms config', () => {
  it('--json prints one object: every setting, its value and where it came from; no secret', async () => {
    const { stdout, stderr } = await config('--json');
    const settings = settingsSchema.parse(JSON.parse(stdout));
    expect(Object.keys(settings)).to.deep.equal(settingNames);
    expect(settings['port']).to.deep.equal({ value: 8123, source: 'environment' });
    expect(settings['maxReportBytes']).to.deep.equal({ value: 67_108_864, source: 'default' });
    expect(settings['setupCode']).to.deep.equal({ value: '(set)', source: 'environment' });
    expect(settings['masterKey']).to.deep.equal({ value: '(none)', source: 'default' });
    expect(stdout + stderr).to.not.include(SECRET);
    expect(stderr).to.include('PRMS_PROT');
  });

  it('prints lines for people, with no secret either', async () => {
    const { stdout } = await config();
    expect(stdout).to.match(/^port +8123 {2}\[PRMS_PORT\]$/m);
    expect(stdout).to.match(/^setupCode +\(set\)/m);
    expect(stdout).to.not.include(SECRET);
  });

  it('refuses words that it does not know', async () => {
    const refused = await config('--yaml').then(
      () => 'accepted',
      (error: unknown) => error,
    );
    expect(refused).to.include({ code: 2 });
  });
});
