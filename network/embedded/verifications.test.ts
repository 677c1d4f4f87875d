// Verifications of an open ledger: never two at once, shared where they would answer the same.
import { expect } from 'chai';
import { expectCode } from '../conformance/index.js';
import { Verifications, type VerifyRequest } from './verifications.js';
import type { VerificationReport } from './verify.js';

/** Verifications that end when they are told to; each answers with the height at which it began. */
class Fake {
  height = 5;
  readonly begun: { request: VerifyRequest; end: (failure?: Error) => Promise<void> }[] = [];
  readonly verifications = new Verifications({
    most: 8,
    height: () => this.height,
    verify: (request) =>
      new Promise((resolve, reject) => {
        const report = reportAt(this.height);
        const end = async (failure?: Error): Promise<void> => {
          if (failure === undefined) resolve(report);
          else reject(failure);
          await settle();
        };
        this.begun.push({ request, end });
      }),
  });

  async ask(request: VerifyRequest = {}): Promise<number> {
    return (await this.verifications.ask(request)).height;
  }

  async end(which: number, failure?: Error): Promise<void> {
    await settle();
    const run = this.begun[which];
    if (run === undefined) throw new Error(`run ${which} has not begun`);
    await run.end(failure);
  }
}

describe('verifications of an open ledger', () => {
  it('are shared at the same height, and each is told of the progress', async () => {
    const fake = new Fake();
    const told: string[] = [];
    const works = ['a', 'b'].map((name) =>
      fake.ask({ onProgress: ({ block }) => told.push(`${name}${block}`) }),
    );
    await settle();
    works.push(fake.ask());
    fake.begun[0]?.request.onProgress?.({ block: 3, height: 5 });
    await fake.end(0);
    expect(await Promise.all(works)).to.deep.equal([5, 5, 5]);
    expect(told).to.deep.equal(['a3', 'b3']);
    expect(fake.begun).to.have.length(1);
  });

  it('wait for the one that began lower, and then share one of their own', async () => {
    const fake = new Fake();
    const first = fake.ask();
    await settle();
    fake.height = 6;
    const later = [fake.ask(), fake.ask()];
    await settle();
    expect(fake.begun).to.have.length(1);
    fake.height = 7;
    await fake.end(0);
    await fake.end(1);
    expect(await first).to.equal(5);
    expect(await Promise.all(later)).to.deep.equal([7, 7]);
    const afterwards = fake.ask();
    await fake.end(2);
    expect(await afterwards).to.equal(7);
  });

  it('are not shared with who asks something else', async () => {
    const fake = new Fake();
    const noted = { expect: [{ block: 1, hash: 'aa' }] };
    const works = [fake.ask(), fake.ask(noted), fake.ask(noted)];
    await fake.end(0);
    await fake.end(1);
    await Promise.all(works);
    expect(fake.begun.map(({ request }) => request.expect)).to.deep.equal([
      undefined,
      noted.expect,
    ]);
  });

  it('go on after one that failed, and are bounded', async () => {
    const fake = new Fake();
    const works = Array.from({ length: 8 }, (_, at) => fake.ask({ tempDir: `t${at}` }));
    await expectCode(fake.ask({ tempDir: 'one too many' }), 'UNAVAILABLE');
    const settled = Promise.allSettled(works);
    await fake.end(0, new Error('no disk'));
    for (let which = 1; which < 8; which++) await fake.end(which);
    const outcomes = (await settled).map(({ status }) => status);
    expect(outcomes).to.deep.equal(['rejected', ...Array<string>(7).fill('fulfilled')]);
    const next = fake.ask();
    await fake.end(8);
    expect(await next).to.equal(5);
  });
});

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function reportAt(height: number): VerificationReport {
  return {
    ok: true,
    channel: 'fake',
    height,
    transactions: 0,
    conflicts: 0,
    notRunAgain: 0,
    stateKeys: 0,
    genesisHash: '',
    headHash: '',
  };
}
