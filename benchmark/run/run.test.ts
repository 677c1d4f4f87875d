// Whole runs, in their threads: on a platform that stalls, on one that ends calls in every way, and on the real ledger.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { BenchError } from '../errors.js';
import type { LoadPlan } from '../load/plan.js';
import { resultSchema, type RunResult } from '../results/result.js';
import { STALL } from '../testing/stalling.js';
import { Campaign } from './campaign.js';
import type { RunSetting } from './setting.js';

const STALLING = new URL('../testing/stalling.js', import.meta.url).href;
const MIXED = new URL('../testing/mixed.js', import.meta.url).href;

const open = (ratePerSecond: number, durationMs: number): LoadPlan => ({
  mode: 'open',
  arrivals: 'constant',
  ratePerSecond,
  durationMs,
});

describe('a run', function () {
  this.timeout(60_000);
  let dir = '';
  const stop = new AbortController();

  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'prms-bench-test-'))));
  afterEach(() => rm(dir, { recursive: true, force: true }));

  async function runs(over: Partial<RunSetting>, signal = stop.signal): Promise<RunResult> {
    const campaign = await Campaign.begin({
      dir,
      command: 'a test',
      seed: 1,
      signal,
      told: () => undefined,
      finished: () => undefined,
    });
    const setting: RunSetting = {
      platform: 'null',
      workload: 'do-nothing',
      variant: 'ordered',
      seed: 1,
      quick: true,
      presigned: false,
      load: open(500, 1000),
      generators: 1,
      drainMs: 2000,
      command: 'a test',
      raw: false,
      ...over,
    };
    const result = await campaign.run(setting, 1);
    return resultSchema.parse(result);
  }

  it('shows a stall of half a second in p99, though nothing is offered late', async () => {
    const result = await runs({ platform: STALLING, load: open(3000, 4000) });
    expect(result).to.include({ offered: 12_000, succeeded: 12_000, lost: 0 });
    const stallMs = STALL.untilMs - STALL.fromMs;
    // An eighth of the calls were due during the stall: one in a hundred waited nearly all of it, the median call none.
    expect(result.latencyMs.p99).to.be.above(stallMs * 0.85);
    expect(result.latencyMs.p50).to.be.below(stallMs / 2);
    expect(result.latencyMs.max).to.be.at.least(stallMs * 0.9);
  });

  it('counts each way to end apart, and what never ended beyond every latency', async () => {
    const result = await runs({
      platform: STALLING,
      workload: MIXED,
      variant: 'all',
      load: open(400, 1000),
      drainMs: 1500,
    });
    expect(result).to.include({ offered: 400, sent: 400, succeeded: 300, refused: 20 });
    expect(result).to.include({ conflicted: 20, failed: 40, lost: 20 });
    expect(result.lossRate).to.be.closeTo(80 / 400, 1e-9);
    expect(result.attempts).to.deep.equal({ 1: 360, 6: 20 });
    expect(result.codes).to.include({ NOT_NOW: 40, 'out of order': 20, CONFLICTED: 20 });
    // Four fifths of 380 that were not refused ended: p90 lies beyond the time-out.
    expect(result.latencyMs).to.include({ count: 380, max: 1500 });
    expect(result.latencyMs.over).to.include('max');
    expect(result.refusedLatencyMs.count).to.equal(20);
    expect(result.overload).to.equal(true);
    expect(result.operationsPerSecond).to.be.below(310);
  });

  it('on the embedded ledger: every call is durable, none is doubled, and the files say the same', async () => {
    const result = await runs({
      platform: 'embedded',
      load: open(300, 1000),
      raw: true,
      generators: 2,
    });
    expect(result).to.include({ offered: 300, succeeded: 300, failed: 0, lost: 0 });
    expect(result.ledgerTransactions).to.be.within(1, 300);
    expect(result.stagesMs).to.include.keys('wait', 'check', 'order', 'commit');
    expect(result.processes.map(({ name }) => name)).to.deep.equal(['harness', 'ledger']);
    const folder = join(dir, 'runs', result.run);
    expect((await readdir(folder)).sort()).to.deep.equal([
      'histograms.json',
      'processes.csv',
      'raw-0.csv.gz',
      'raw-1.csv.gz',
      'result.json',
      'series.csv',
    ]);
    const raw = await Promise.all(
      [0, 1].map(async (at) =>
        gunzipSync(await readFile(join(folder, `raw-${at}.csv.gz`))).toString(),
      ),
    );
    const rows = raw.flatMap((text) => text.trim().split('\n').slice(1));
    expect(rows).to.have.length(300);
    expect(rows.every((row) => /^do-nothing,\d+,\d+,applied,1$/.test(row))).to.equal(true);
  });

  it('takes a burst and a closed loop', async () => {
    const burst = await runs({ platform: 'embedded', load: { mode: 'burst', operations: 500 } });
    expect(burst).to.include({ offered: 500, succeeded: 500 });
    expect(burst.setMs).to.be.above(0);
    await rm(dir, { recursive: true });
    const closed = await runs({
      platform: 'embedded',
      load: { mode: 'closed', clients: 8, durationMs: 500 },
    });
    expect(closed.succeeded).to.equal(closed.offered).and.to.be.above(8);
  });

  it('stopped in the middle keeps what was measured, and says so', async () => {
    const own = new AbortController();
    setTimeout(() => {
      own.abort();
    }, 1500);
    const result = await runs({ load: open(200, 30_000) }, own.signal);
    expect(result.interrupted).to.equal(true);
    expect(result.offered).to.be.below(2000);
    expect(result.succeeded).to.equal(result.offered);
  });

  it('refuses a folder that holds something', async () => {
    await runs({ load: open(10, 100) });
    const again = await runs({ load: open(10, 100) }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(again).to.be.instanceOf(BenchError).with.property('code', 'RESULTS');
  });

  it('leaves neither process nor folder when the platform ends by itself', async () => {
    const before = (await readdir(tmpdir())).filter((name) => /^prms-bench-(?!test)/.test(name));
    const failing = new URL('../testing/ending.js', import.meta.url).href;
    const ended = await runs({ platform: failing, load: open(100, 20_000) }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(ended).to.be.instanceOf(BenchError).with.property('code', 'PLATFORM');
    const after = (await readdir(tmpdir())).filter((name) => /^prms-bench-(?!test)/.test(name));
    expect(after).to.deep.equal(before);
  });
});
