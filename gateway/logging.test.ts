import { expect } from 'chai';
import { GatewayError } from './errors.js';
import { createLog } from './logging.js';
import type { Log, LogFields } from './logging.js';

describe('log', () => {
  const secrets = [
    'hunter2-password',
    'MIGHAgEAMBMG-private-key',
    'HIV test result',
    'Anna Example',
  ];
  let lines: string[];
  let log: Log;
  beforeEach(() => {
    lines = [];
    log = createLog({
      level: 'debug',
      destination: { write: (line: string) => void lines.push(line) },
    });
  });
  const only = (): Record<string, unknown> => {
    expect(lines).to.have.length(1);
    const parsed: unknown = JSON.parse(lines[0] ?? '');
    if (typeof parsed !== 'object' || parsed === null) throw new Error('no object');
    return { ...parsed };
  };

  it('writes an event with its fields, one JSON line each', () => {
    log.info('report.stored', { reportId: 'r1', bytes: 12, durationMs: 3.5 });
    expect(only()).to.deep.include({
      level: 'info',
      event: 'report.stored',
      reportId: 'r1',
      bytes: 12,
      durationMs: 3.5,
    });
  });

  it('drops every field that is not on the list, also when the types were bypassed', () => {
    const sly: object = {
      title: secrets[2],
      password: secrets[0],
      privateKey: secrets[1],
      body: { name: secrets[3] },
      reportId: 'r1',
    };
    const fields: LogFields = sly;
    log.info('report.stored', fields);
    expect(only()).to.include({ reportId: 'r1' });
    for (const secret of secrets) expect(lines.join()).to.not.contain(secret);
  });

  it('drops an allowed field of another kind, and cuts a long one', () => {
    const sly: object = {
      reportId: { title: secrets[2] },
      status: secrets[0],
      code: 'X'.repeat(500),
    };
    const fields: LogFields = sly;
    log.warn('report.stored', fields);
    expect(lines.join()).to.not.contain(secrets[2]).and.to.not.contain(secrets[0]);
    expect(only()['code']).to.have.length(200);
  });

  it('keeps an event that was put together from values out', () => {
    log.error(`could not store ${secrets[2] ?? ''}`);
    expect(only()['event']).to.equal('unnamed');
    expect(lines.join()).to.not.contain(secrets[2]);
  });

  it('tells an error by name, code and place, through its causes, and never by its message', () => {
    const [password = '', key = '', title = ''] = secrets;
    const cause = new TypeError(`bad ${password}\n    with a second line ${key}`);
    log.error('request.failed', {
      error: new GatewayError('INTERNAL', `report “${title}”`, { cause, ids: { x: title } }),
    });
    const text = lines.join();
    for (const secret of secrets) expect(text).to.not.contain(secret);
    expect(text).to.contain('GatewayError').and.to.contain('INTERNAL').and.to.contain('TypeError');
    expect(text).to.contain('logging.test');
    log.error('request.failed', { error: password });
    expect(lines.join()).to.not.contain(password);
  });

  it('keeps quiet below its level', () => {
    const quiet = createLog({
      level: 'warn',
      destination: { write: (line: string) => void lines.push(line) },
    });
    quiet.info('report.stored');
    expect(lines).to.deep.equal([]);
    quiet.warn('report.stored');
    expect(lines).to.have.length(1);
  });
});
