// Measures what size does to the embedded ledger: documents like those of records are put in large batches, and at each
// mark it is asked how fast that went, how long opening takes, and what a patient's list and a document's history cost.
// `npm run bench:growth -w network [-- --to 300000 --marks 3 --batch 500 --patients 10000 --dir /a/disk]`
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openEmbeddedLedger, type EmbeddedLedger } from '../embedded/index.js';
import { putsChaincode } from './chaincode.js';
import { spentSince, threadTimes } from './processor-time.js';

const { values } = parseArgs({
  options: {
    to: { type: 'string', default: '300000' },
    marks: { type: 'string', default: '3' },
    batch: { type: 'string', default: '500' },
    patients: { type: 'string', default: '10000' },
    dir: { type: 'string', default: tmpdir() },
  },
});
const to = Number(values.to);
const marks = Number(values.marks);
const batch = Number(values.batch);
const patientCount = Number(values.patients);

/** Batches under way at a time. */
const LANES = 4;
/** One in so many puts changes a patient's policy, which has a history; the others are documents of their own. */
const POLICY_EVERY = 10;
/** Patients whose answers are looked at: as long at every mark, whatever else there is. */
const WATCHED = 20;
const WATCHED_DOCUMENTS = 50;
const WATCHED_CHANGES = 20;
const QUERIES = 200;

const id = (): string => randomBytes(32).toString('base64url');
const body = (bytes: number): string => randomBytes((bytes * 3) / 4).toString('base64url');
const patients = Array.from({ length: patientCount }, id);
const watched = Array.from({ length: WATCHED }, id);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
let made = 0;

/** A key and a value. Policies come round in turn, so that batches under way together never change the same one. */
function line(): string {
  const n = made++;
  const patient = patients[Math.floor(n / POLICY_EVERY) % patientCount] ?? '';
  return n % POLICY_EVERY === 0
    ? `user/${patient} ${body(2000)}`
    : `access/${patient}/${n.toString(36).padStart(26, '0')} ${body(700)}`;
}

async function ingest(ledger: EmbeddedLedger, upTo: number): Promise<void> {
  const latencies: number[] = [];
  const [from, began] = [made, performance.now()];
  const [threads, cpu] = [threadTimes(), process.cpuUsage()];
  const lane = async (): Promise<void> => {
    while (made < upTo) {
      const lines = Array.from({ length: batch }, line).join('\n');
      const at = performance.now();
      await ledger.submit('puts', 'apply', [lines]);
      latencies.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const seconds = (performance.now() - began) / 1000;
  const { total } = spentSince(threads, cpu);
  say(
    `${made.toLocaleString('en')} puts: ${Math.round((made - from) / seconds).toLocaleString('en')} a second, ` +
      `${(total / (made - from)).toFixed(1)} µs of processor time each, batch p99 ${percentile(latencies, 0.99).toFixed(0)} ms`,
  );
}

async function watch(ledger: EmbeddedLedger): Promise<void> {
  for (const patient of watched) {
    const documents = Array.from(
      { length: WATCHED_DOCUMENTS },
      (_, n) => `access/${patient}/${String(n).padStart(26, '0')} ${body(700)}`,
    );
    await ledger.submit('puts', 'apply', [documents.join('\n')]);
  }
  for (let change = 0; change < WATCHED_CHANGES; change++)
    await ledger.submit('puts', 'apply', [
      watched.map((patient) => `user/${patient} ${body(2000)}`).join('\n'),
    ]);
}

async function ask(ledger: EmbeddedLedger): Promise<void> {
  const [lists, histories]: [number[], number[]] = [[], []];
  for (let n = 0; n < QUERIES; n++) {
    const patient = watched[n % WATCHED] ?? '';
    lists.push(await timed(ledger, 'list', `access/${patient}/`, WATCHED_DOCUMENTS));
    histories.push(await timed(ledger, 'history', `user/${patient}`, WATCHED_CHANGES));
  }
  const text = (all: readonly number[]): string =>
    `p50 ${percentile(all, 0.5).toFixed(1)} p99 ${percentile(all, 0.99).toFixed(1)} ms`;
  say(
    `  a patient's ${WATCHED_DOCUMENTS} documents: ${text(lists)}; a policy's ${WATCHED_CHANGES} versions: ${text(histories)}`,
  );
}

async function timed(
  ledger: EmbeddedLedger,
  fn: string,
  key: string,
  expected: number,
): Promise<number> {
  const began = performance.now();
  const found = Number(Buffer.from(await ledger.evaluate('puts', fn, [key])).toString());
  const took = performance.now() - began;
  if (found !== expected) throw new Error(`${fn} found ${found} and not ${expected}`);
  return took;
}

function percentile(unsorted: readonly number[], part: number): number {
  const sorted = [...unsorted].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

async function diskBytes(dir: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) sum += (await stat(join(entry.parentPath, entry.name))).size;
  return sum;
}

const dir = await mkdtemp(join(values.dir, 'prms-growth-'));
const options = { dir, channel: 'growth', chaincodes: { puts: putsChaincode } };
try {
  let ledger = await openEmbeddedLedger(options);
  await watch(ledger);
  for (let mark = 1; mark <= marks; mark++) {
    await ingest(ledger, Math.round((to * mark) / marks));
    await ledger.close();
    const began = performance.now();
    ledger = await openEmbeddedLedger(options);
    const openedMs = performance.now() - began;
    const gigabytes = (await diskBytes(dir)) / 1e9;
    say(
      `  opened again in ${openedMs.toFixed(0)} ms, ${await ledger.height()} blocks, ${gigabytes.toFixed(2)} GB`,
    );
    await ask(ledger);
  }
  await ledger.close();
} finally {
  await rm(dir, { recursive: true, force: true });
}
