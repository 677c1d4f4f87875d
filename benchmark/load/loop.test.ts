// The loops against a clock that stands still until all wait.
import { expect } from 'chai';
import { randomOf } from '../stats/random.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { closedLoop, type LoopEnd, type LoopOptions, openLoop } from './loop.js';
import { BurstSchedule, ConstantSchedule, PoissonSchedule, type Schedule } from './schedule.js';

const ALONE = { generator: 0, generators: 1 };

interface Sent {
  readonly intendedMs: number;
  readonly sentMs: number;
}

class Rig {
  readonly clock: VirtualClock;
  readonly sent: Sent[] = [];
  readonly latenessMs: number[] = [];
  readonly stop = new AbortController();
  most = 0;
  #underWay = 0;

  constructor(
    private readonly serviceMs: (sentMs: number) => number,
    lateMs?: () => number,
  ) {
    this.clock = new VirtualClock(lateMs);
  }

  options(over: Partial<LoopOptions> = {}): LoopOptions {
    return {
      clock: this.clock,
      window: 100,
      drainMs: 1000,
      signal: this.stop.signal,
      due: (_intendedMs, latenessMs) => this.latenessMs.push(latenessMs),
      send: async (intendedMs) => {
        const sentMs = this.clock.nowMs();
        this.sent.push({ intendedMs, sentMs });
        this.most = Math.max(this.most, ++this.#underWay);
        await this.clock.sleep(this.serviceMs(sentMs));
        this.#underWay--;
      },
      ...over,
    };
  }

  open(schedule: Schedule, over: Partial<LoopOptions> = {}): Promise<LoopEnd> {
    return this.clock.runUntil(openLoop(schedule, this.options(over)));
  }
}

const constant = (rate: number, durationMs: number) =>
  new ConstantSchedule(rate, durationMs, ALONE);

describe('the open loop', () => {
  it('sends every call of the schedule, each within a tick of its time', async () => {
    const rig = new Rig(() => 5);
    const end = await rig.open(constant(200, 2000));
    expect(rig.sent.map(({ intendedMs }) => intendedMs)).to.deep.equal(
      Array.from({ length: 400 }, (_, at) => at * 5),
    );
    expect(Math.max(...rig.latenessMs)).to.be.at.most(1);
    expect(end).to.deep.equal({ unsent: [], unanswered: 0 });
  });

  it('offers on when the platform stalls, and holds the clock of each call to its intended start', async () => {
    // Whoever is sent in the second from 1,000 on waits for the stall's end.
    const rig = new Rig((sentMs) => (sentMs >= 1000 && sentMs < 2000 ? 2000 - sentMs : 1));
    await rig.open(constant(1000, 3000), { window: 50 });
    expect(rig.sent).to.have.length(3000);
    expect(rig.most).to.equal(50);
    const waits = rig.sent.map(({ intendedMs, sentMs }) => sentMs - intendedMs);
    // The window is full 50 ms into the stall; who came then waited for the rest of the second.
    expect(Math.max(...waits)).to.be.within(945, 955);
    expect(waits.filter((ms) => ms > 500).length).to.be.above(400);
  });

  it('tells how late its own timers made it', async () => {
    let calls = 0;
    const rig = new Rig(
      () => 1,
      () => (++calls % 100 === 0 ? 30 : 0),
    );
    await rig.open(constant(100, 2000));
    expect(Math.max(...rig.latenessMs)).to.be.within(20, 31);
  });

  it('gives up what was not sent and what was not answered when the drain is over', async () => {
    const rig = new Rig(() => 10_000);
    const end = await rig.open(constant(100, 1000), { window: 7, drainMs: 500 });
    expect(end.unanswered).to.equal(7);
    expect(end.unsent).to.have.length(93);
    expect(rig.clock.nowMs()).to.be.within(1490, 1510);
  });

  it('offers nothing more once it is stopped, and drains', async () => {
    const rig = new Rig(() => 20);
    const running = rig.open(constant(100, 10_000));
    void rig.clock.sleep(500).then(() => {
      rig.stop.abort();
    });
    const end = await running;
    expect(rig.sent.length).to.be.within(49, 51);
    expect(end).to.deep.equal({ unsent: [], unanswered: 0 });
  });

  it('takes a burst: everything due at once, in the order given', async () => {
    const rig = new Rig(() => 10);
    await rig.open(new BurstSchedule(1000), { window: 100 });
    expect(rig.sent).to.have.length(1000);
    expect(rig.sent.every(({ intendedMs }) => intendedMs === 0)).to.equal(true);
    expect(rig.clock.nowMs()).to.be.within(95, 110);
  });
});

describe('the closed loop', () => {
  it('keeps its clients busy, each after its own last answer', async () => {
    const rig = new Rig(() => 10);
    const end = await rig.clock.runUntil(closedLoop(1000, rig.options({ window: 5 })));
    expect(rig.most).to.equal(5);
    expect(rig.sent).to.have.length(500);
    expect(end).to.deep.equal({ unsent: [], unanswered: 0 });
  });

  it('does not wait for ever', async () => {
    const rig = new Rig(() => 1e9);
    const end = await rig.clock.runUntil(closedLoop(100, rig.options({ window: 3 })));
    expect(end.unanswered).to.equal(3);
  });
});

function all(schedule: Schedule): number[] {
  const due: number[] = [];
  for (let at = schedule.next(); at !== undefined; at = schedule.next()) due.push(at);
  return due;
}

describe('schedules', () => {
  it('several generators share a constant rate evenly, and none is due twice', () => {
    const parts = [0, 1, 2].map((generator) =>
      all(new ConstantSchedule(30, 1000, { generator, generators: 3 })),
    );
    const together = parts.flat().sort((a, b) => a - b);
    expect(together).to.deep.equal(all(constant(30, 1000)));
    expect(parts.map(({ length }) => length)).to.deep.equal([10, 10, 10]);
  });

  it('Poisson arrivals have exponential gaps', () => {
    const rate = 1000;
    const due = all(new PoissonSchedule(rate, 100_000, randomOf(7)));
    // The count of a Poisson process: five standard deviations hold but for one seed in millions.
    expect(Math.abs(due.length - 100_000)).to.be.below(5 * Math.sqrt(100_000));
    const gaps = due.map((at, index) => at - (due[index - 1] ?? 0));
    const cells = Array.from({ length: 20 }, () => 0);
    for (const gap of gaps) {
      const cell = Math.min(19, Math.floor((1 - Math.exp(-gap * (rate / 1000))) * 20));
      cells[cell] = (cells[cell] ?? 0) + 1;
    }
    const even = due.length / 20;
    const chiSquare = cells.reduce((sum, seen) => sum + (seen - even) ** 2 / even, 0);
    // The 1 − 10⁻⁶ quantile of chi-square with 19 degrees of freedom.
    expect(chiSquare).to.be.below(63.7);
  });

  it('the same seed gives the same arrivals', () => {
    const arrivals = (seed: number) => all(new PoissonSchedule(100, 1000, randomOf(seed)));
    expect(arrivals(3)).to.deep.equal(arrivals(3));
    expect(arrivals(3)).to.not.deep.equal(arrivals(4));
  });
});
