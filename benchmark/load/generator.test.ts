import { expect } from 'chai';
import { type Answer, type Call, CallError, type Connection } from '../platforms/index.js';
import type { Stream } from '../workloads/index.js';
import { MachineClock } from './clock.js';
import { generate, type GeneratorParts } from './generator.js';
import { Tally } from './tally.js';

const ANSWER: Answer = { status: 'applied', attempts: 1 };
const CALL: Call = { kind: 'any', way: 'ordered', line: 'x', lane: 'x' };
const OPERATIONS = 20;
const WINDOW = 4;

function partsOf(stream: Stream, call: Connection['call']): GeneratorParts & { tally: Tally } {
  return {
    plan: {
      load: { mode: 'burst', operations: OPERATIONS },
      share: { generator: 0, generators: 1, calls: OPERATIONS },
      window: WINDOW,
      drainMs: 2000,
      workloadSetting: { seed: 1 },
    },
    connection: { call, close: () => Promise.resolve() },
    stream,
    clock: new MachineClock(performance.now()),
    tally: new Tally(false),
    signal: new AbortController().signal,
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function failureOf(parts: GeneratorParts): Promise<unknown> {
  return generate(parts).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('a generator', () => {
  it('tells the stream how each call ended, and counts what the stream spent then as stages of its own', async () => {
    const ends: (Answer | CallError)[] = [];
    const stream: Stream = {
      next: () => CALL,
      ended: (_call, end) => {
        ends.push(end);
        return end instanceof CallError ? undefined : { reveal: 500 };
      },
    };
    let n = 0;
    const parts = partsOf(stream, () =>
      n++ % 2 === 0 ? Promise.resolve(ANSWER) : Promise.reject(new CallError('LOST', 'gone')),
    );
    await generate(parts);
    expect(ends.filter((end) => end === ANSWER)).to.have.length(OPERATIONS / 2);
    expect(ends.filter((end) => end instanceof CallError)).to.have.length(OPERATIONS / 2);
    expect(Object.keys(parts.tally.encode().stages)).to.include('reveal');
    expect(parts.tally.latency.quantileMs(0.25)).to.be.below(400);
  });

  it('keeps a call’s place in the window until the stream is done with it', async () => {
    let open = 0;
    let most = 0;
    const stream: Stream = {
      next: () => {
        most = Math.max(most, ++open);
        return CALL;
      },
      ended: async () => {
        await pause(2);
        open--;
        return undefined;
      },
    };
    const parts = partsOf(stream, () => Promise.resolve(ANSWER));
    await generate(parts);
    expect(most).to.equal(WINDOW);
    expect(parts.tally.counts.succeeded).to.equal(OPERATIONS);
  });

  const broken = new Error('the stream is broken');
  const streams: Readonly<Record<string, Stream>> = {
    'can’t make a call': {
      next: () => {
        throw broken;
      },
    },
    'can’t finish making a call': { next: () => Promise.reject(broken) },
    'finds that an answer is wrong': {
      next: () => CALL,
      ended: () => {
        throw broken;
      },
    },
    'finds so later': { next: () => CALL, ended: () => Promise.reject(broken) },
  };
  for (const [what, stream] of Object.entries(streams)) {
    it(`ends with the error of a stream that ${what}`, async () => {
      const parts = partsOf(stream, () => Promise.resolve(ANSWER));
      expect(await failureOf(parts)).to.equal(broken);
    });
  }
});
