// Is the bank in order? Every balance on the ledger against a serial replay in commit order, and the total against what was
// there at the start and what was committed since.
import { z } from 'zod';
import { accountsOf } from '../../chaincodes/smallbank.js';
import type { Call, Connection } from '../../platforms/index.js';
import { firstFew, inCommitOrder } from '../commit-order.js';
import type { Applied, Verdict, WorkloadSetting } from '../workload.js';
import { type Balances, initialBalances } from './accounts.js';
import { replay, type Replayed, totalOf } from './replay.js';

const PAGE = 5000;
const pageSchema = z.object({
  bookmark: z.string(),
  balances: z.record(z.string(), z.int()),
});

export async function checkBank(
  setting: WorkloadSetting,
  applied: readonly Applied[],
  order: readonly string[],
  connection: Connection,
  lost: readonly Call[],
): Promise<Verdict> {
  const { calls, wrong } = inCommitOrder(applied, order);
  const lines = lost.flatMap((call) => (call.way === 'ordered' ? [call.line] : []));
  const initial = initialBalances(setting);
  const replayed = replay(initial, calls, lines);
  const found = await allBalances(connection);
  const { faults, compared } = differences(replayed, found);
  const total = totalFault(initial, replayed, found);
  const all = [...total, ...faults, ...replayed.wrong, ...wrong];
  const { unknown } = replayed;
  return {
    ok: all.length === 0,
    says: [
      ...firstFew(all),
      `${compared} balances were compared with a serial replay of ${calls.length} calls in commit order`,
      unknown.size === 0
        ? 'the final total was compared with the initial one and the committed changes'
        : `${unknown.size} customers hang on ${lines.length} calls without an answer: they and the total were not compared`,
    ],
  };
}

/** By key, in cents. */
async function allBalances(connection: Connection): Promise<Map<string, number>> {
  const all = new Map<string, number>();
  let bookmark = '';
  do {
    const args = [String(PAGE), bookmark];
    const { result } = await connection.call({ kind: 'check', way: 'query', fn: 'balances', args });
    const page = pageSchema.parse(JSON.parse(result ?? '{"bookmark":"","balances":{}}'));
    for (const [key, cents] of Object.entries(page.balances)) all.set(key, cents);
    bookmark = page.bookmark;
  } while (bookmark !== '');
  return all;
}

function differences(
  { balances, unknown, touched }: Replayed,
  found: ReadonlyMap<string, number>,
): { faults: string[]; compared: number } {
  const faults: string[] = [];
  const expectedKeys = new Set<string>();
  let compared = 0;
  balances.forEach((own, customer) => {
    const keys = accountsOf(customer);
    for (const account of ['checking', 'savings'] as const) {
      const key = keys[account];
      expectedKeys.add(key);
      if (unknown.has(customer)) continue;
      compared++;
      const cents = found.get(key);
      if (cents === own[account]) continue;
      const has = cents === undefined ? 'is missing' : `holds ${cents}`;
      const calls = touched.get(customer) ?? 0;
      faults.push(
        `${key} ${has}, and a replay of the ${calls} calls that touched it says ${own[account]}`,
      );
    }
  });
  for (const key of found.keys()) {
    if (!expectedKeys.has(key)) faults.push(`${key} is on the ledger, and nobody made it`);
  }
  return { faults, compared };
}

function totalFault(
  initial: readonly Balances[],
  { deltaCents, unknown }: Replayed,
  found: ReadonlyMap<string, number>,
): string[] {
  if (unknown.size > 0) return [];
  const before = totalOf(initial);
  let after = 0;
  for (const cents of found.values()) after += cents;
  if (after === before + deltaCents) return [];
  return [
    `the bank holds ${after} cents: it began with ${before}, and ${deltaCents} were committed`,
  ];
}
