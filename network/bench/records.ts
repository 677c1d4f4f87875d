// Measures the records chaincode on the embedded ledger: signed operations in the shares of a hospital's day, signatures
// checked, rules decided, committed durably; then, when asked, the whole chain is verified. Operations are signed beforehand.
// `npm run bench:records -w network [-- --operations 60000 --patients 10000 --window 2000 --lanes 4 --rate 0 --verify]`
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance, PerformanceObserver } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import {
  announceLine,
  readReceipts,
  RECORDS,
  recordsChaincode,
  type Receipt,
} from '@prms/chaincode';
import { GroupCommit } from '../batching/index.js';
import { openEmbeddedLedger, type EmbeddedLedger } from '../embedded/index.js';
import { population, setUp, Stream, type Population, type Step } from './mix.js';
import { CHANNEL } from './people.js';
import { spentSince, threadTimes } from './processor-time.js';

const { values } = parseArgs({
  options: {
    operations: { type: 'string', default: '60000' },
    rounds: { type: 'string', default: '3' },
    patients: { type: 'string', default: '10000' },
    /** Operations under way at a time, when there is no rate. */
    window: { type: 'string', default: '2000' },
    /** Operations offered a second; 0: as many as the window lets through. */
    rate: { type: 'string', default: '0' },
    lanes: { type: 'string', default: '1' },
    /** KiB of operations in one transaction. */
    batch: { type: 'string', default: '512' },
    /** Operations are examined in their batches only, not ahead of them. */
    alone: { type: 'boolean', default: false },
    verify: { type: 'boolean', default: false },
  },
});
const operations = Number(values.operations);
const window = Number(values.window);
const rate = Number(values.rate);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const dir = await mkdtemp(join(tmpdir(), 'prms-bench-records-'));
const ledger = await openEmbeddedLedger({
  dir,
  channel: CHANNEL,
  chaincodes: { [RECORDS]: recordsChaincode },
});
try {
  await bench(ledger, population(Number(values.patients)));
} finally {
  await ledger.close();
  await rm(dir, { recursive: true, force: true });
}

async function bench(on: EmbeddedLedger, people: Population): Promise<void> {
  const { hospitals } = people;
  await on.submit(RECORDS, 'ledger:init', [
    JSON.stringify({ hospitals: hospitals.map((h) => h.id) }),
  ]);
  const conflicts = { count: 0 };
  const commit = new GroupCommit({
    ledger: {
      submit: (...args) =>
        on.submit(...args).catch((error: unknown) => {
          conflicts.count++;
          throw error;
        }),
    },
    chaincode: RECORDS,
    fn: 'operations:apply',
    parseReceipts: readReceipts,
    lanes: Number(values.lanes),
    maxOperations: 1000,
    maxBytes: Number(values.batch) * 1024,
    maxQueued: 1_000_000,
    announce: values.alone ? () => undefined : announceLine,
  });
  let known = 0;
  for (const steps of setUp(people)) {
    known += steps.length;
    await Promise.all(steps.map((step) => commit.submit(step.line, step.lane).then(mustBeApplied)));
  }
  say(`set up: ${known} operations`);
  const stream = new Stream(people, 4 * window, 1);
  for (let round = 0; round < Number(values.rounds); round++) {
    const steps = Array.from({ length: operations }, () => stream.next());
    known += operations;
    conflicts.count = 0;
    await measured(commit, steps);
    if (conflicts.count > 0) say(`  ${conflicts.count} transactions failed and were tried again`);
  }
  await commit.close();
  if (values.verify) await verification(on, known);
}

function mustBeApplied(receipt: { readonly status: string }): void {
  if (receipt.status !== 'applied') throw new Error(`refused: ${JSON.stringify(receipt)}`);
}

async function measured(commit: GroupCommit<Receipt>, steps: readonly Step[]): Promise<void> {
  let collecting = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) collecting += duration;
  });
  observer.observe({ entryTypes: ['gc'] });
  const [threads, cpu, loop] = [
    threadTimes(),
    process.cpuUsage(),
    performance.eventLoopUtilization(),
  ];
  const began = performance.now();
  const latencies: number[] = [];
  const refused = new Map<string, number>();
  const send = async (step: Step, dueAt: number): Promise<void> => {
    const receipt = await commit.submit(step.line, step.lane);
    latencies.push(performance.now() - dueAt);
    if (receipt.status === 'refused')
      refused.set(receipt.code, (refused.get(receipt.code) ?? 0) + 1);
  };
  await (rate > 0 ? atRate(steps, send) : throughWindow(steps, send));
  const seconds = (performance.now() - began) / 1000;
  const { main, others, total } = spentSince(threads, cpu);
  const busy = performance.eventLoopUtilization(loop).utilization;
  observer.disconnect();
  latencies.sort((a, b) => a - b);
  const micros = (spent: number): string => (spent / steps.length).toFixed(1);
  const p = (part: number): string =>
    (latencies[Math.floor(latencies.length * part)] ?? 0).toFixed(0);
  say(
    `${steps.length} operations in ${seconds.toFixed(1)} s: ${Math.round(steps.length / seconds)}/s, ` +
      `p50 ${p(0.5)} p99 ${p(0.99)} ms, loop busy ${(100 * busy).toFixed(0)} %, ${(total / 1e6 / seconds).toFixed(2)} cores`,
  );
  say(
    `  µs an operation: total ${micros(total)}, main ${micros(main)} (collecting ${micros(collecting * 1000)}), ` +
      `others ${others
        .filter((spent) => spent > steps.length / 2)
        .map(micros)
        .join(' ')}`,
  );
  for (const [code, count] of refused) say(`  refused: ${count} ${code}`);
}

async function throughWindow(
  steps: readonly Step[],
  send: (step: Step, dueAt: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let step = steps[next++]; step !== undefined; step = steps[next++])
      await send(step, performance.now());
  };
  await Promise.all(Array.from({ length: window }, worker));
}

/** Whatever the answers do; latency counts from the moment an operation was due. */
async function atRate(
  steps: readonly Step[],
  send: (step: Step, dueAt: number) => Promise<void>,
): Promise<void> {
  const began = performance.now();
  const pending: Promise<void>[] = [];
  for (let sent = 0; sent < steps.length;) {
    const due = Math.min(steps.length, Math.floor(((performance.now() - began) / 1000) * rate));
    for (const step of steps.slice(sent, due))
      pending.push(send(step, began + (sent++ / rate) * 1000));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
}

/** How long the whole chain takes, and how long anybody else on the thread waits meanwhile. */
async function verification(on: EmbeddedLedger, count: number): Promise<void> {
  const pauses = monitorEventLoopDelay({ resolution: 5 });
  pauses.enable();
  const began = performance.now();
  const { ok } = await on.verify();
  const seconds = (performance.now() - began) / 1000;
  pauses.disable();
  const longest = (nanoseconds: number): string => (nanoseconds / 1e6).toFixed(0);
  say(
    `verification    ${count} operations in ${seconds.toFixed(2)} s, ` +
      `${((seconds / count) * 1000).toFixed(2)} s per 1,000, honest: ${ok}; ` +
      `thread held p99 ${longest(pauses.percentile(99))} ms, longest ${longest(pauses.max)} ms`,
  );
}
