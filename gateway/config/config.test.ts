import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { GatewayError } from '../errors.js';
import { agreements, describeConfig, loadConfig, settingNames, settings, topics } from './index.js';

describe('configuration', () => {
  let dir = '';
  const file = (content: string): string => {
    const path = join(dir, 'settings.json');
    writeFileSync(path, content);
    return path;
  };
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'prms-config-'));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  const refusal = (env: Record<string, string>): GatewayError => {
    try {
      loadConfig(env);
    } catch (error) {
      if (error instanceof GatewayError) return error;
      throw error;
    }
    throw new Error('the configuration was accepted');
  };

  it('takes the environment before the file before the default', () => {
    const path = file(JSON.stringify({ port: 9001, logLevel: 'warn' }));
    const { config, sources } = loadConfig({ PRMS_CONFIG: path, PRMS_PORT: '9002' });
    expect(config.port).to.equal(9002);
    expect(config.logLevel).to.equal('warn');
    expect(config.maxReportBytes).to.equal(67_108_864);
    expect([sources.port, sources.logLevel, sources.maxReportBytes]).to.deep.equal([
      'environment',
      'file',
      'default',
    ]);
  });

  for (const [variable, value] of [
    ['PRMS_PORT', '65536'],
    ['PRMS_PORT', '1e3'],
    ['PRMS_PORT', ''],
    ['PRMS_LOG_LEVEL', 'loud'],
    ['PRMS_MAX_BITS_PER_SAMPLE', '2'],
    ['PRMS_CHANNEL', 'No Spaces'],
  ] as const) {
    it(`stops at ${variable}=${JSON.stringify(value)} and names it`, () => {
      const error = refusal({ [variable]: value });
      expect(error.code).to.equal('CONFIG');
      expect(error.message).to.contain(variable).and.to.contain(value);
    });
  }

  it('tells all that is wrong at once, each with its fault and its source', () => {
    const path = file(
      JSON.stringify({ prot: 1, logLevel: 'loud', maxHeaders: 5, sessionIdleMinutes: 60 }),
    );
    const { message, options } = refusal({
      PRMS_CONFIG: path,
      PRMS_PORT: '65536',
      PRMS_MAX_HEADERS: '100',
      PRMS_MASTER_KEY: 'hunter2',
      PRMS_BEARER_ABSOLUTE_MINUTES: '30',
      PRMS_MAX_COVER_BYTES: 'many',
      // Too much for its own bounds: held against nothing else.
      PRMS_RETRY_SOON_MS: '9999999',
    });
    expect(message.split('\n')).to.deep.equal([
      '7 settings do not fit:',
      `- “prot” in ${path}: there is no such setting`,
      '- PRMS_PORT: 65536 (environment) is not a whole number from 0 to 65535',
      `- “logLevel” in ${path}: "loud" is not one of debug, info, warn, error, silent`,
      '- PRMS_MASTER_KEY: its value (environment) is not 64 hex digits, or empty',
      '- PRMS_MAX_COVER_BYTES: "many" (environment) is not a whole number from 1024 to 268435456',
      '- PRMS_RETRY_SOON_MS: 9999999 (environment) is not a whole number from 1 to 600000',
      '- PRMS_SESSION_IDLE_MINUTES (60 min, file) must not be above PRMS_BEARER_ABSOLUTE_MINUTES (30 min, environment): a session can’t be idle for longer than it lasts',
    ]);
    expect(options.fields?.map(({ path: name }) => name)).to.deep.equal([
      'prot',
      'port',
      'logLevel',
      'masterKey',
      'maxCoverBytes',
      'retrySoonMs',
      'sessionIdleMinutes',
    ]);
  });

  it('never repeats a bad secret', () => {
    expect(refusal({ PRMS_MASTER_KEY: 'hunter2hunter2' }).message).to.not.contain('hunter2');
  });

  it('stops at a key of the file that is no setting, at a broken file and at a missing named one', () => {
    expect(refusal({ PRMS_CONFIG: file('{"prot": 1}') }).message).to.contain('prot');
    expect(refusal({ PRMS_CONFIG: file('{') }).message).to.contain('JSON');
    expect(refusal({ PRMS_CONFIG: join(dir, 'absent.json') }).code).to.equal('CONFIG');
    expect(refusal({ PRMS_CONFIG: file('{"port": "80"}') }).message).to.contain('port');
  });

  it('describes what is in force and from where, warns of unknown variables, shows no secret', () => {
    const text = describeConfig(
      loadConfig({ PRMS_PORT: '81', PRMS_PROT: '82', PRMS_SETUP_CODE: 'open-sesame-1234' }),
    );
    expect(text).to.match(/port +81 {2}\[PRMS_PORT\]/);
    expect(text).to.match(/host +127\.0\.0\.1 {2}\[default\]/);
    expect(text).to.match(/setupCode +\(set\)/);
    expect(text).to.contain('PRMS_PROT').and.to.not.contain('open-sesame');
    for (const name of settingNames) expect(text).to.contain(name);
  });

  it('has defaults that pass their own checks, and variables of their own', () => {
    for (const name of settingNames) {
      const env = { [settings[name].env]: String(settings[name].default) };
      expect(loadConfig(env).config[name], name).to.equal(settings[name].default);
    }
    expect(new Set(settingNames.map((name) => settings[name].env)).size).to.equal(
      settingNames.length,
    );
  });

  it('keeps each row in one topic', () => {
    const rows = topics.flatMap((topic) => Object.keys(topic.rows));
    expect(rows).to.deep.equal([...settingNames]);
  });

  for (const { names, because } of agreements) {
    const [small, large] = names.map((name) => settings[name]);
    it(`stops when ${names.join(' is above ')}, and names both`, () => {
      if (!small || !large) throw new Error('an agreement is of two');
      // The larger one at its least, the smaller one above it: within its own bounds, wrong together.
      const above = Math.max(large.min + 1, small.min);
      expect(above, 'it can happen at all').to.be.at.most(small.max);
      const env = { [large.env]: String(large.min), [small.env]: String(above) };
      // Other agreements about the same settings may speak first: they are made to hold.
      for (const other of agreements) {
        const [low, high] = other.names.map((name) => settings[name]);
        if (other.because === because || !low || !high) continue;
        env[low.env] ??= String(low.min);
        env[high.env] ??= String(high.max);
      }
      const { code, message } = refusal(env);
      expect(code).to.equal('CONFIG');
      expect(message).to.contain(small.env).and.to.contain(large.env);
      expect(message)
        .to.contain(`(${above} `)
        .and.to.contain('environment')
        .and.to.contain(because);
      const equal = { ...env, [small.env]: String(large.max), [large.env]: String(large.max) };
      if (large.max <= small.max) expect(() => loadConfig(equal)).to.not.throw();
    });
  }
});
