import { expect } from 'chai';
import { GatewayError } from '../../errors.js';
import { PendingLogIns } from './pending-log-ins.js';

describe('log-ins between their two steps', () => {
  const dropped: string[] = [];
  let count = 0;
  const pending = (limits: { mostPerUser: number; tries: number }): PendingLogIns<string> =>
    new PendingLogIns<string>({
      clock: { now: () => 0 },
      random: (length) => new Uint8Array(length).fill(++count),
      lifeMs: 1000,
      most: 100,
      onDrop: (what) => dropped.push(what),
      ...limits,
    });
  beforeEach(() => dropped.splice(0));

  const attempt = (log: PendingLogIns<string>, token: string, right: boolean) =>
    log
      .complete(token, () =>
        right ? Promise.resolve('in') : Promise.reject(new GatewayError('FORBIDDEN', 'wrong')),
      )
      .then(
        ({ proved }) => proved,
        (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
      );

  for (const tries of [1, 3]) {
    it(`bear as many wrong tries as is set: ${tries}`, async () => {
      const log = pending({ mostPerUser: 3, tries });
      const step = log.newStep();
      log.add(step, 'alice', 'keys');
      for (let each = 0; each < tries; each += 1)
        expect(await attempt(log, step.token, false)).to.equal('FORBIDDEN');
      expect(dropped).to.deep.equal(['keys']);
      expect(await attempt(log, step.token, true)).to.equal('UNAUTHENTICATED');
    });
  }

  it('wait, as many of one person as is set, and push out nobody else’s', async () => {
    const log = pending({ mostPerUser: 2, tries: 3 });
    const other = log.newStep();
    log.add(other, 'bob', 'bob’s');
    const steps = ['first', 'second', 'third'].map((what) => {
      const step = log.newStep();
      log.add(step, 'alice', what);
      return step;
    });
    expect(dropped).to.deep.equal(['first']);
    expect(log.size).to.equal(3);
    expect(await attempt(log, steps[2]?.token ?? '', true)).to.equal('in');
    expect(await attempt(log, other.token, true)).to.equal('in');
  });
});
