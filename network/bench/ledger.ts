// Measures the embedded ledger: how many puts a second it commits durably, and how long one waits for its answer.
// `npm run bench -w network [-- --seconds 20 --rate 10000]`. The chaincode is trivial: this is the ledger's own cost.
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, totalmem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GroupCommit, parseReceipts } from '../batching/index.js';
import { openEmbeddedLedger, type EmbeddedLedger } from '../embedded/index.js';
import { putsChaincode } from './chaincode.js';
import { compareEncodings } from './encodings.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    rate: { type: 'string', default: '10000' },
    operations: { type: 'string', default: '500' },
    lanes: { type: 'string', default: '4' },
    bytes: { type: 'string', default: '600' },
    dir: { type: 'string', default: tmpdir() },
  },
});
const seconds = Number(values.seconds);
const rate = Number(values.rate);
const operations = Number(values.operations);
const lanes = Number(values.lanes);
const valueBytes = Number(values.bytes);

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const filler = 'v'.repeat(valueBytes);
let sequence = 0;
/** A line is a key and the value to put there; keys come back, so that the state holds updates, too. */
const line = (): string => `key-${(sequence++ % 200_000).toString(36).padStart(6, '0')} ${filler}`;

interface Load {
  readonly operationsPerSecond: number;
  readonly latenciesMs: Float64Array;
}

/** As fast as it goes: every lane submits its next full batch when the last one is answered. */
async function closedLoop(ledger: EmbeddedLedger): Promise<Load> {
  const latencies: number[] = [];
  const began = performance.now();
  const lane = async (): Promise<void> => {
    while (performance.now() - began < seconds * 1000) {
      const batch = Array.from({ length: operations }, line).join('\n');
      const at = performance.now();
      await ledger.submit('puts', 'apply', [batch]);
      latencies.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const took = (performance.now() - began) / 1000;
  return summary((latencies.length * operations) / took, latencies);
}

/** At a fixed rate, whatever the answers do; latency counts from the moment an operation was due. */
async function openLoop(ledger: EmbeddedLedger): Promise<Load> {
  const group = new GroupCommit({
    ledger,
    chaincode: 'puts',
    fn: 'apply',
    parseReceipts,
    lanes,
    maxBytes: 512 * 1024,
  });
  const latencies: number[] = [];
  const pending: Promise<void>[] = [];
  let refused = 0;
  const began = performance.now();
  const total = seconds * rate;
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * rate));
    for (; sent < due; sent++) {
      const dueAt = began + (sent / rate) * 1000;
      const work = group.submit(line(), String(sent)).then(
        () => void latencies.push(performance.now() - dueAt),
        () => {
          refused++;
        },
      );
      pending.push(work);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
  const took = (performance.now() - began) / 1000;
  await group.close();
  if (refused > 0) say(`  ${refused} operations were refused: the rate is beyond this machine`);
  return summary(latencies.length / took, latencies);
}

function summary(operationsPerSecond: number, latencies: readonly number[]): Load {
  return { operationsPerSecond, latenciesMs: Float64Array.from(latencies).sort() };
}

function report(name: string, { operationsPerSecond, latenciesMs }: Load, cpuMs: number): void {
  const at = (part: number): string =>
    (
      latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * part))] ?? 0
    ).toFixed(1);
  const perSecond = Math.round(operationsPerSecond).toLocaleString('en');
  say(
    `  ${name}: ${perSecond} puts/s; latency p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms; ` +
      `${(cpuMs / 1000).toFixed(1)} s of processor time`,
  );
}

async function measured(name: string, run: () => Promise<Load>): Promise<void> {
  const before = process.cpuUsage();
  const load = await run();
  const used = process.cpuUsage(before);
  report(name, load, (used.user + used.system) / 1000);
}

const dir = await mkdtemp(join(values.dir, 'prms-bench-'));
const options = { dir, channel: 'bench', chaincodes: { puts: putsChaincode } };
const [cpu] = cpus();
say(
  `${cpus().length} × ${cpu?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
);
say(
  `${operations} puts of ${valueBytes} bytes a transaction, ${lanes} lanes, ${seconds} s each, fsync on`,
);
try {
  const ledger = await openEmbeddedLedger(options);
  await measured('as fast as it goes', () => closedLoop(ledger));
  await measured(`at ${rate.toLocaleString('en')} a second`, () => openLoop(ledger));
  await ledger.close();
  let at = performance.now();
  const again = await openEmbeddedLedger(options);
  say(
    `  opening it again: ${Math.round(performance.now() - at)} ms, ${await again.height()} blocks`,
  );
  at = performance.now();
  const verified = await again.verify();
  const verifySeconds = (performance.now() - at) / 1000;
  const putRate = Math.round(sequence / verifySeconds).toLocaleString('en');
  say(
    `  verifying it: ${verifySeconds.toFixed(1)} s for ${verified.transactions} transactions ` +
      `with ${sequence.toLocaleString('en')} puts (${putRate} puts/s), honest: ${verified.ok}`,
  );
  await again.close();
  compareEncodings(operations, filler, say);
} finally {
  await rm(dir, { recursive: true, force: true });
}
