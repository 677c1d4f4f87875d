// The scripts decide whether a build is taken, so what they decide by is tested.

import { expect } from 'chai';
import { countsOf, verdict } from './api-cases.mjs';
import { sumUp } from './ci-summary.mjs';
import { isAllowed, shipped } from './licences.mjs';

describe('licences', () => {
  it('permits what is on the list, alone and in expressions', () => {
    for (const licence of [
      'MIT',
      '(BSD-3-Clause AND Apache-2.0)',
      'MIT OR GPL-3.0-only',
      '(GPL-3.0-only OR (MIT AND ISC))',
    ])
      expect(isAllowed('p', licence), licence).to.equal(true);
  });

  it('refuses everything else, and what it can’t read', () => {
    for (const licence of [
      'GPL-3.0-only',
      'MIT AND GPL-3.0-only',
      'unknown',
      '',
      '(MIT',
      'MIT ISC',
      'MIT OR',
      'SEE LICENSE IN x',
    ])
      expect(isAllowed('p', licence), licence).to.equal(false);
  });

  it('permits the LGPL for the prebuilt libvips alone', () => {
    expect(isAllowed('@img/sharp-libvips-linux-x64', 'LGPL-3.0-or-later')).to.equal(true);
    expect(isAllowed('@img/sharp-win32-x64', 'Apache-2.0 AND LGPL-3.0-or-later')).to.equal(true);
    expect(isAllowed('another', 'LGPL-3.0-or-later')).to.equal(false);
  });

  it('takes production packages only, nested ones too, and looks where the lockfile is silent', () => {
    const lockfile = {
      packages: {
        '': { license: 'Apache-2.0' },
        gateway: { version: '0.1.0' },
        'node_modules/@prms/gateway': { link: true },
        'node_modules/tool': { version: '1.0.0', license: 'GPL-3.0-only', dev: true },
        'node_modules/b': { version: '1.0.0', license: 'MIT' },
        'node_modules/b/node_modules/a': { version: '2.0.0' },
        'node_modules/c': { version: '3.0.0' },
      },
    };
    const manifests = { 'node_modules/b/node_modules/a': { licenses: [{ type: 'MIT' }] } };
    expect(shipped(lockfile, (path) => manifests[path])).to.deep.equal([
      { name: 'a', version: '2.0.0', licence: 'MIT', allowed: true },
      { name: 'b', version: '1.0.0', licence: 'MIT', allowed: true },
      { name: 'c', version: '3.0.0', licence: 'unknown', allowed: false },
    ]);
  });
});

describe('the sum of all test runs', () => {
  const run = (passed, failed = 0, pending = 0) => ({ passed, failed, pending });

  it('adds up', () => {
    expect(sumUp([run(3), run(4)], [])).to.deep.equal({ passed: 7, failed: 0 });
  });

  it('counts a failed step once, whether or not its tests say so', () => {
    expect(sumUp([run(3, 2)], ['tests'])).to.deep.equal({ passed: 3, failed: 2 });
    expect(sumUp([run(3)], ['lint', 'demo'])).to.deep.equal({ passed: 3, failed: 2 });
    expect(sumUp([], ['install'])).to.deep.equal({ passed: 0, failed: 1 });
  });

  it('takes a skipped test for a failed one', () => {
    expect(sumUp([run(3, 0, 1)], [])).to.deep.equal({ passed: 3, failed: 1 });
  });
});

describe('generated API requests', () => {
  const report = (generated, failed, errored) => ({
    test_cases: { generated, with_failures: failed, errored },
  });

  it('are counted, and what failed or could not be asked among them', () => {
    expect(countsOf(report(9, 2, 1))).to.deep.equal({ cases: 9, wrong: 3 });
  });

  it('all count: good ones as passed, wrong ones and a run that died as failed', () => {
    const run = (cases, wrong, status = wrong > 0 ? 1 : 0) => ({ cases, wrong, status });
    expect(verdict([run(4000, 0), run(1000, 0)])).to.deep.equal({
      cases: 5000,
      passed: 5000,
      failed: 0,
    });
    expect(verdict([run(5000, 2)]).failed).to.equal(2);
    expect(verdict([run(5000, 0, 1)]).failed).to.equal(1);
  });

  it('are too few below 5,000', () => {
    expect(verdict([{ cases: 4999, wrong: 0, status: 0 }]).failed).to.equal(1);
  });
});
