// The embedded ledger in a process of its own, so that its processor time, memory and disk are told apart from the
// harness's, and a stall of one is not a stall of the other. Everything is on: signatures, rules, fsync.
import { fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deployment } from '../../chaincodes/index.js';
import { BenchError } from '../../errors.js';
import { LedgerConnection } from '../ledger-connection.js';
import type { Connection, Platform, PlatformSetting, StartedPlatform } from '../platform.js';
import { RemoteLedger } from './remote-ledger.js';

const HOST = fileURLToPath(new URL('./host.child.js', import.meta.url));
const START_MS = 60_000;
const STOP_MS = 30_000;
const WINDOW = 8192;
/** What the records chaincode takes at most. */
const MAX_BATCH_BYTES = 1024 * 1024;
/** A young generation of the default 16 MiB spends several times as much on collecting. */
const NODE_FLAGS = ['--max-semi-space-size=64'];
/** Tries of a call: the first, and five more. */
const MAX_ATTEMPTS = 6;
const DEADLINE_MS = 30_000;

async function start({ dir, chaincode }: PlatformSetting): Promise<StartedPlatform> {
  const socketPath = join(dir, 'ledger.sock');
  const child = fork(HOST, [dir, chaincode, socketPath], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // What the harness was started with goes on to the ledger, so that `node --cpu-prof` shows both.
    execArgv: [...process.execArgv, ...NODE_FLAGS],
  });
  let complaint = '';
  child.stderr?.on(
    'data',
    (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2000)),
  );
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) =>
      resolve(`the ledger's process ended (${signal ?? code ?? 'unknown'}): ${complaint}`),
    );
  });
  const ready = new Promise<void>((resolve) => child.once('message', () => resolve()));
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
  const why = await Promise.race([ready, ended]);
  clearTimeout(timer);
  if (typeof why === 'string') throw new BenchError('PLATFORM', why);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const hard = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    if (child.connected) child.disconnect();
    await ended;
    clearTimeout(hard);
  };
  if (child.pid === undefined) throw new BenchError('PLATFORM', 'the ledger has no process');
  return {
    version: await version(),
    built: 'this source tree, on Node and LevelDB',
    switchedOff: [],
    processes: [{ name: 'ledger', pid: child.pid }],
    address: socketPath,
    ended,
    stop,
  };
}

async function connect(
  address: unknown,
  { chaincode, batch, lanes }: PlatformSetting,
): Promise<Connection> {
  const { batchFunction, idempotent } = deployment(chaincode);
  return new LedgerConnection({
    ledger: await RemoteLedger.connect(String(address)),
    chaincode,
    batchFunction,
    idempotent,
    lanes,
    batch,
    maxAttempts: MAX_ATTEMPTS,
    maxQueued: WINDOW,
    maxBytes: MAX_BATCH_BYTES,
    deadlineMs: DEADLINE_MS,
  });
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version: unknown }).version);
}

export const platform: Platform = {
  name: 'embedded',
  summary: 'the ledger in one Node process: every signature checked, every block synced',
  trust: 'one node',
  window: WINDOW,
  // One transaction at a time: several side by side read what the others change, and are made twice.
  lanes: 1,
  batch: 1000,
  missing: () => Promise.resolve(undefined),
  start,
  connect,
};
