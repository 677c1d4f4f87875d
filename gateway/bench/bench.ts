// The gateway's figures: single signed operations beside a bare Express handler, bulk, reports, WebSockets. Rounds take
// turns, so that a change of the machine's mood falls on all of them. Prints a table for docs/benchmark-results.md.
// `npm run bench -w gateway [-- --rounds 3 --seconds 5 --connections 64 --profile DIR]`
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { Child } from './child.js';
import { report, settle, sockets, SETUP_CODE, type People } from './people.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
    bulk: { type: 'string', default: '20000' },
    reports: { type: 'string', default: '8' },
    sockets: { type: 'string', default: '1000' },
    /** Where the gateway's processor profile is written. */
    profile: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const REPORT_BYTES = 256 * 1024;
const PEOPLE = 500;
const MiB = 1024 * 1024;
/** More than a round can use up. */
const SINGLES_PER_SECOND = 8000;

const toldUrl = z.object({ url: z.string() });
const toldMemory = z.object({ heapBytes: z.number(), residentBytes: z.number() });
const toldMeasured = z.object({
  operations: z.int(),
  seconds: z.number(),
  latenciesMs: z.array(z.number()),
});
type Load = z.infer<typeof toldMeasured>;

interface Round {
  readonly load: number;
  readonly bare: Load;
  readonly single: Load;
  readonly bulk: Load;
  readonly uploadsMs: readonly number[];
  readonly opensMs: readonly number[];
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const dir = await mkdtemp(join(tmpdir(), 'prms-bench-gateway-'));
const profiling =
  values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
const gateway = Child.start(
  'gateway.child',
  {
    PRMS_DATA: dir,
    PRMS_PORT: '0',
    PRMS_SETUP_CODE: SETUP_CODE,
    PRMS_LOG_LEVEL: 'warn',
    PRMS_SOCKETS_PER_USER: String(Math.max(1, Number(values.sockets))),
  },
  profiling,
);
const bare = Child.start('bare.child');
const load = Child.start('load.child');
try {
  await main();
  await gateway.end();
} finally {
  for (const child of [gateway, bare, load]) child.kill();
  await rm(dir, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const { url } = toldUrl.parse(await gateway.told());
  const { url: bareUrl } = toldUrl.parse(await bare.told());
  const people = await settle(url);
  const { token } = people.hospital;
  await load.ask({ do: 'register', url, token, people: PEOPLE });
  // Before the load: what it leaves behind and gives back later would count as theirs.
  const memory = await socketMemory(url, people);
  const done: Round[] = [];
  for (let number = 1; number <= rounds; number++) {
    const round = await measureRound({ url, bareUrl, people });
    done.push(round);
    say(`round ${number}: ${describe(round)}`);
  }
  process.stdout.write(table(done, memory));
}

async function measureRound({
  url,
  bareUrl,
  people,
}: {
  readonly url: string;
  readonly bareUrl: string;
  readonly people: People;
}): Promise<Round> {
  const { token } = people.hospital;
  const singly = { do: 'single', token, connections, seconds };
  const count = seconds * SINGLES_PER_SECOND;
  await load.ask({ do: 'sign', count });
  const loadAverage = loadavg()[0] ?? 0;
  const single = toldMeasured.parse(await load.ask({ ...singly, url }));
  const plain = toldMeasured.parse(await load.ask({ ...singly, url: bareUrl }));
  await load.ask({ do: 'sign', count: Number(values.bulk) });
  const bulk = toldMeasured.parse(await load.ask({ do: 'bulk', url, token, connections: 4 }));
  const uploadsMs: number[] = [];
  const opensMs: number[] = [];
  for (let n = 0; n < Number(values.reports); n++) {
    const { uploadMs, openMs } = await report(people.patient, REPORT_BYTES);
    uploadsMs.push(uploadMs);
    opensMs.push(openMs);
  }
  return { load: loadAverage, single, bare: plain, bulk, uploadsMs, opensMs };
}

interface SocketMemory {
  readonly heapKiB: number;
  readonly residentKiB: number;
}

/** What one open WebSocket adds, over many. */
async function socketMemory(url: string, people: People): Promise<SocketMemory | string> {
  const count = Number(values.sockets);
  if (count === 0) return 'not asked for';
  // The first ones bring in code and fill pools, which are not theirs either.
  const first = await sockets(url, people, 50);
  first.close();
  const before = toldMemory.parse(await gateway.ask('memory'));
  const opened = await sockets(url, people, count);
  const after = toldMemory.parse(await gateway.ask('memory'));
  opened.close();
  return {
    heapKiB: (after.heapBytes - before.heapBytes) / 1024 / count,
    residentKiB: (after.residentBytes - before.residentBytes) / 1024 / count,
  };
}

function perSecond(measured: Load): number {
  return measured.operations / measured.seconds;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** A quantile of what is not sorted. */
function quantile(all: readonly number[], part: number): number {
  const sorted = all.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function describe({ single, bare: plain, bulk, uploadsMs, opensMs }: Round): string {
  return (
    `single ${whole(perSecond(single))}/s, bare ${whole(perSecond(plain))}/s, ` +
    `bulk ${whole(perSecond(bulk))}/s, upload ${whole(quantile(uploadsMs, 0.5))} ms, ` +
    `open ${whole(quantile(opensMs, 0.5))} ms`
  );
}

function table(done: readonly Round[], memory: SocketMemory | string): string {
  const all = (of: (round: Round) => number): string => done.map((r) => whole(of(r))).join(' · ');
  const ratio = (round: Round): string =>
    (perSecond(round.single) / perSecond(round.bare)).toFixed(2);
  const p = (of: (round: Round) => readonly number[]): string =>
    [0.5, 0.95].map((part) => `${whole(quantile(done.flatMap(of), part))} ms`).join(' / ');
  const [cpu] = cpus();
  const rows = [
    ['single signed operations over HTTP', `${all(({ single }) => perSecond(single))} a second`],
    ['their receipts, p50 / p95', p(({ single }) => single.latenciesMs)],
    ['bare Express handler, same load', `${all(({ bare: b }) => perSecond(b))} a second`],
    ['single : bare', done.map(ratio).join(' · ')],
    ['NDJSON bulk operations', `${all(({ bulk }) => perSecond(bulk))} a second`],
    ['upload of 256 KiB → anchored, p50 / p95', p(({ uploadsMs }) => uploadsMs)],
    ['open → all bytes of 256 KiB, p50 / p95', p(({ opensMs }) => opensMs)],
    [
      `memory for each of ${values.sockets} open WebSockets`,
      typeof memory === 'string'
        ? memory
        : `${memory.heapKiB.toFixed(1)} KiB of heap, ${memory.residentKiB.toFixed(1)} KiB resident ` +
          `(${Math.round((memory.residentKiB * Number(values.sockets) * 1024) / MiB)} MiB together)`,
    ],
  ];
  return (
    `${cpus().length} × ${cpu?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
    `Node ${process.version}, ${new Date().toISOString().slice(0, 16)}Z; load before each round: ` +
    `${done.map((round) => round.load.toFixed(1)).join(' · ')}\n\n` +
    `| what | measured |\n| --- | --- |\n${rows.map(([a, b]) => `| ${a} | ${b} |`).join('\n')}\n`
  );
}
