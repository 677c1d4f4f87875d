// Does YCSB's table hold what was written? A replay of what was answered, against records read from the ledger; and how
// many transactions were ordered in vain.
import { CallError, type Call, type Connection } from '../../platforms/index.js';
import { firstFew, inCommitOrder } from '../commit-order.js';
import type { Applied, Verdict, WorkloadSetting } from '../workload.js';
import { firstFields, keyOf, recordCount } from './records.js';

/** Records read at most, spread evenly over those that were written. */
const MOST_READ = 1000;

export async function checkRecords(
  setting: WorkloadSetting,
  applied: readonly Applied[],
  order: readonly string[],
  connection: Connection,
  lost: readonly Call[],
): Promise<Verdict> {
  const { calls, wrong } = inCommitOrder(applied, order);
  const unknown = new Set(
    lost.flatMap((call) => (call.way === 'ordered' ? wordsOf(call.line)[2] : [])),
  );
  const written = replay(setting, calls);
  const keys = [...written.keys()].filter((key) => !unknown.has(key));
  const every = Math.max(1, Math.ceil(keys.length / MOST_READ));
  const faults = [...wrong];
  const sample = keys.filter((_, at) => at % every === 0);
  for (const key of sample) {
    const found = await readRecord(connection, key);
    if (found !== written.get(key))
      faults.push(`${key} is not what was written last: ${found ?? 'it is missing'}`);
  }
  const says = [
    `${sample.length} of ${written.size} records that were written were read and compared with a replay in commit order`,
    ...(unknown.size > 0
      ? [`${unknown.size} records were touched by calls without an answer: not compared`]
      : []),
    await conflictsOf(connection),
  ];
  return { ok: faults.length === 0, says: [...firstFew(faults), ...says] };
}

/** Every record that was written, as it was left. */
function replay(setting: WorkloadSetting, calls: readonly Applied[]): Map<string, string> {
  const records = new Map<string, string>();
  const loaded = new Map<string, number>();
  for (let record = 0; record < recordCount(setting); record++) loaded.set(keyOf(record), record);
  for (const { line, status } of calls) {
    const [, kind, key = '', ...rest] = wordsOf(line);
    if (status !== 'applied') continue;
    if (kind === 'insert') records.set(key, rest.join(' '));
    if (kind !== 'update' && kind !== 'rmw') continue;
    const fields = (
      records.get(key) ?? firstFields(setting.seed, loaded.get(key) ?? -1).join(' ')
    ).split(' ');
    records.set(key, fields.with(Number(rest[0]), rest[1] ?? '').join(' '));
  }
  return records;
}

async function readRecord(connection: Connection, key: string): Promise<string | undefined> {
  try {
    const { result } = await connection.call({
      kind: 'check',
      way: 'query',
      fn: 'read',
      args: [key],
    });
    return result;
  } catch (error) {
    if (error instanceof CallError && error.code === 'FAILED') return undefined;
    throw error;
  }
}

async function conflictsOf(connection: Connection): Promise<string> {
  const counts = Object.entries((await connection.conflicts?.(0)) ?? {});
  if (counts.length === 0) return 'no transaction was ordered in vain';
  const each = counts.map(([why, count]) => `${count} ${why}`).join(', ');
  return `transactions that were ordered in vain: ${each}`;
}

const wordsOf = (line: string): string[] => line.split(' ');
