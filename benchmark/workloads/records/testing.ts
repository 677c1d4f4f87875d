// For tests: the workload on a real ledger in this process, through the connection that platforms use.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedLedger } from '@prms/network';
import { deployment } from '../../chaincodes/index.js';
import { LedgerConnection } from '../../platforms/ledger-connection.js';
import type { Answer, Call, Connection } from '../../platforms/platform.js';
import type { Applied, EndedStages, Stream, Workload, WorkloadSetting } from '../workload.js';

const CHANNEL = 'bench';

export const quickSetting = (seed: number, dir = ''): WorkloadSetting => ({
  seed,
  quick: true,
  variant: 'ledger',
  presigned: false,
  channel: CHANNEL,
  dir,
});

export interface OpenLedger {
  /** Of several generators, each its own. */
  connect(): Connection;
  readonly dir: string;
  close(): Promise<void>;
}

export async function openLedger(chaincode: string): Promise<OpenLedger> {
  const dir = await mkdtemp(join(tmpdir(), 'prms-records-'));
  const { contracts, batchFunction, idempotent } = deployment(chaincode);
  const ledger = await openEmbeddedLedger({
    dir: join(dir, 'ledger'),
    channel: CHANNEL,
    chaincodes: { [chaincode]: contracts },
  });
  const port = {
    submit: ledger.submit.bind(ledger),
    evaluate: ledger.evaluate.bind(ledger),
    blocks: ledger.blocks.bind(ledger),
    height: ledger.height.bind(ledger),
    close: () => Promise.resolve(),
  };
  return {
    dir,
    connect: () =>
      new LedgerConnection({
        ledger: port,
        chaincode,
        batchFunction,
        idempotent,
        lanes: 4,
        batch: 100,
        maxAttempts: 6,
        maxQueued: 10_000,
        deadlineMs: 30_000,
      }),
    close: async () => {
      await ledger.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Brings the workload's state in. @returns what streams are told of it */
export async function prepared(
  workload: Workload,
  setting: WorkloadSetting,
  connection: Connection,
): Promise<unknown> {
  const preparation = workload.prepare(setting);
  for (const phase of preparation.phases) {
    const answers = await Promise.all(Array.from(phase, (call) => connection.call(call)));
    const refused = answers.find(({ status }) => status !== 'applied');
    if (refused !== undefined) throw new Error(`preparation: ${JSON.stringify(refused)}`);
  }
  return structuredClone(preparation.world());
}

/** A call that was sent, and its answer. */
export interface Played {
  readonly call: Call;
  readonly answer: Answer;
  readonly endedMs: EndedStages | undefined;
}

/** Sends so many calls, `underWay` of them at a time, as a generator does: without waiting for those before. */
export async function play(
  stream: Stream,
  connection: Connection,
  calls: number,
  underWay: number,
): Promise<Played[]> {
  const played: Played[] = [];
  const pending = new Set<Promise<void>>();
  const send = async (call: Call): Promise<void> => {
    const answer = await connection.call(call);
    played.push({ call, answer, endedMs: await stream.ended?.(call, answer) });
  };
  for (let n = 0; n < calls; n++) {
    const call = stream.next();
    const one: Promise<void> = (call instanceof Promise ? call.then(send) : send(call)).then(() => {
      pending.delete(one);
    });
    pending.add(one);
    if (pending.size >= underWay) await Promise.race(pending);
  }
  await Promise.all(pending);
  return played;
}

export function appliedOf(played: readonly Played[]): Applied[] {
  return played.flatMap(({ call, answer }) => {
    const { status, code, place } = answer;
    if (call.way !== 'ordered' || place === undefined) return [];
    const known = { kind: call.kind, line: call.line, status, place };
    return [code === undefined ? known : { ...known, code }];
  });
}
