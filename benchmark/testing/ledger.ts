// A real embedded ledger in a folder of its own, for tests of chaincodes and workloads.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedLedger } from '@prms/network';
import { deployment } from '../chaincodes/index.js';
import { LedgerConnection } from '../platforms/ledger-connection.js';
import type { Answer, Connection } from '../platforms/index.js';

export interface TestLedgerOptions {
  readonly chaincode: string;
  readonly batch?: number;
  readonly lanes?: number;
}

/** Opens a ledger, hands out a connection, and removes both, whatever happens. */
export async function withLedger(
  { chaincode, batch = 500, lanes = 1 }: TestLedgerOptions,
  work: (connection: Connection) => Promise<void>,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'prms-bench-'));
  const { contracts, batchFunction, idempotent } = deployment(chaincode);
  const chaincodes = { [chaincode]: contracts };
  const ledger = await openEmbeddedLedger({ dir, channel: 'bench', chaincodes });
  const connection = new LedgerConnection({
    ledger,
    chaincode,
    batchFunction,
    idempotent,
    lanes,
    batch,
    maxAttempts: 6,
    maxQueued: 10_000,
    deadlineMs: 30_000,
  });
  try {
    await work(connection);
  } finally {
    await connection.close();
    await rm(dir, { recursive: true });
  }
}

/** Sends lines at once, in one lane: they keep their order, in batches as large as the connection makes them. */
export function sendLines(connection: Connection, lines: readonly string[]): Promise<Answer[]> {
  const calls = lines.map((line) =>
    connection.call({ kind: 'test', way: 'ordered', line, lane: 'one' }),
  );
  return Promise.all(calls);
}

/** An answer as short as a table can hold it. */
export const shortly = ({ status, code, result }: Answer): string => code ?? result ?? status;

export async function query(
  connection: Connection,
  fn: string,
  ...args: readonly string[]
): Promise<string> {
  const { result } = await connection.call({ kind: 'test', way: 'query', fn, args });
  return result ?? '';
}
