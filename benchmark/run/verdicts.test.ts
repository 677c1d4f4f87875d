import { expect } from 'chai';
import { randomOf, wholeBelow } from '../stats/random.js';
import { isOverload, reasonsAgainst } from './verdicts.js';

const RATE = 1000;
const SECONDS = 60;
const all = { offered: 60_000, succeeded: 57_000, refused: 3000 };

/** A run in which everything was committed in the end, by how the backlog stood each second. */
function grows(
  backlogAt: (second: number) => number,
  { seconds = SECONDS, rate = RATE, drain = 5 } = {},
): boolean {
  const series = Array.from({ length: seconds + drain }, (_, second) => ({
    backlog: Math.max(0, Math.round(backlogAt(second))),
  }));
  return isOverload(all, { mode: 'open', ratePerSecond: rate, durationMs: seconds * 1000 }, series);
}

/** A queue that is fed at `rate` and served at what `served` says, second by second. */
function queue(served: (second: number) => number, rate = RATE): (second: number) => number {
  const backlogs: number[] = [];
  return (second) => {
    while (backlogs.length <= second) {
      const left = (backlogs.at(-1) ?? 0) + rate - served(backlogs.length);
      backlogs.push(Math.max(20, left));
    }
    return backlogs[second] ?? 0;
  };
}

describe('overload', () => {
  it('is less than 99 % committed, refusals by design counted as committed', () => {
    const load = { mode: 'open', ratePerSecond: RATE, durationMs: 60_000 } as const;
    expect(isOverload(all, load, [])).to.equal(false);
    expect(isOverload({ ...all, succeeded: 56_400 }, load, [])).to.equal(false);
    expect(isOverload({ ...all, succeeded: 56_399 }, load, [])).to.equal(true);
  });

  it('is a backlog that grows, however slowly, though all is committed in the end', () => {
    expect(grows((second) => 20 + 10 * second)).to.equal(true);
    // 0.4 % behind: a tenth of a second's load after 25 seconds.
    expect(grows((second) => 20 + 4 * second)).to.equal(true);
    expect(grows((second) => 20 + 3 * second)).to.equal(false);
    expect(grows((second) => 20 + second, { seconds: 600 })).to.equal(true);
    // A platform that can do half of it, for five seconds.
    expect(grows((second) => 500 * second, { seconds: 5 })).to.equal(true);
  });

  it('is no steady backlog, whatever its height', () => {
    const random = randomOf(1);
    for (const height of [0, 20, 5000]) {
      expect(grows(() => height + wholeBelow(random, 100))).to.equal(false);
    }
  });

  it('is no stall that was worked off, wherever it stood, in one second or in fifteen', () => {
    const spare = 1500;
    for (let from = 0; from < 40; from++) {
      const stalls = (second: number): number => (second >= from && second < from + 5 ? 0 : spare);
      expect(grows(queue(stalls)), `from second ${from}`).to.equal(false);
    }
    // Worked off in the last second only.
    expect(grows((second) => (second >= 40 && second < 59 ? 4000 : 20))).to.equal(false);
    // A burst of load that the platform never noticed as a stall.
    expect(grows((second) => (second === 50 ? 9000 : 20))).to.equal(false);
  });

  it('is a stall that was not worked off, and a platform that gives way late', () => {
    const noSpare = (second: number): number => (second >= 30 && second < 35 ? 0 : RATE);
    expect(grows(queue(noSpare))).to.equal(true);
    const givesWay = (second: number): number => (second >= 48 ? 0.8 * RATE : 1.2 * RATE);
    expect(grows(queue(givesWay))).to.equal(true);
  });

  it('is no warming up, and not seen where a stall was in the second quarter only if it is less than that stall', () => {
    const cold = (second: number): number => (second < 6 ? 200 : 2000);
    expect(grows(queue(cold))).to.equal(false);
    const stallThenGrowth = (second: number): number =>
      20 + 50 * second + (second >= 20 && second < 23 ? 5000 : 0);
    expect(grows(stallThenGrowth)).to.equal(true);
  });

  it('is no rise and fall of blocks, in whichever phase it is looked at', () => {
    for (let phase = 0; phase < 2; phase += 0.05) {
      // A block every 2.03 seconds: the phase drifts by half a block in a minute.
      const sawtooth = (second: number): number => 50 * ((second + 1 + phase) % 2.03);
      expect(grows(sawtooth, { rate: 50 })).to.equal(false);
    }
  });

  it('is no chance: arrivals at random, few and for a short while', () => {
    const random = randomOf(2);
    const poisson = (mean: number): number => {
      let [count, product] = [0, random()];
      while (product > Math.exp(-mean)) [count, product] = [count + 1, product * random()];
      return count;
    };
    let alarms = 0;
    for (let run = 0; run < 2000; run++) {
      if (grows(() => poisson(25), { seconds: 5, rate: 50 })) alarms++;
    }
    expect(alarms).below(3);
    expect(grows((second) => 25 + 25 * second, { seconds: 5, rate: 50 })).to.equal(true);
  });

  it('is not spoken of in a burst, a closed loop or a schedule of three seconds', () => {
    const rising = Array.from({ length: 60 }, (_, second) => ({ backlog: 1000 * second }));
    const none = { ratePerSecond: null, durationMs: null };
    expect(isOverload({ ...all, succeeded: 0 }, { mode: 'burst', ...none }, rising)).to.equal(
      false,
    );
    const closed = { mode: 'closed', ratePerSecond: null, durationMs: 60_000 } as const;
    expect(isOverload(all, closed, rising)).to.equal(false);
    expect(isOverload({ ...all, succeeded: 0 }, closed, [])).to.equal(true);
    expect(grows((second) => 1000 * second, { seconds: 3 })).to.equal(false);
  });

  it('does not look at what the drain did', () => {
    expect(grows((second) => (second >= SECONDS ? 50_000 : 20), { drain: 30 })).to.equal(false);
  });
});

describe('reasons against a run', () => {
  const good = { mode: 'open', latenessP99Ms: 0.8, offered: 60_000, check: null } as const;

  it('none: the generator kept its schedule and the state is right', () => {
    expect(reasonsAgainst(good)).to.deep.equal([]);
    expect(reasonsAgainst({ ...good, latenessP99Ms: 10 })).to.deep.equal([]);
    expect(reasonsAgainst({ ...good, check: { ok: true, says: ['balanced'] } })).to.deep.equal([]);
    // Loads without a schedule can't miss it.
    expect(reasonsAgainst({ ...good, mode: 'burst', latenessP99Ms: 900 })).to.deep.equal([]);
    expect(reasonsAgainst({ ...good, mode: 'closed', latenessP99Ms: 900 })).to.deep.equal([]);
  });

  it('all of them, in words', () => {
    const check = { ok: false, says: ['12 cents are missing', 'and more'] };
    const bad = { ...good, latenessP99Ms: 12.345, offered: 0, check };
    expect(reasonsAgainst(bad)).to.deep.equal([
      'the generator missed its schedule: p99 of its lateness is 12.3 ms, more than 10 ms',
      'nothing was offered',
      'the state is wrong: 12 cents are missing',
    ]);
    expect(reasonsAgainst({ ...good, check: { ok: false, says: [] } })).to.have.length(1);
  });
});
