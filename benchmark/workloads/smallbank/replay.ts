// SmallBank played again, one call after the other, by rules of its own: it shares no code with the chaincode, so that a
// mistake in one of them shows.
import type { Applied } from '../workload.js';
import type { Balances } from './accounts.js';

/** What a call should have been answered. */
type Outcome = 'applied' | 'INSUFFICIENT_FUNDS';

const PENALTY_CENTS = 100;

export interface Replayed {
  readonly balances: readonly Balances[];
  /** What applied calls put in, less what they took out. */
  readonly deltaCents: number;
  /** Customers whose balances depend on calls that nobody knows the end of. */
  readonly unknown: ReadonlySet<number>;
  /** How many calls touched a customer. */
  readonly touched: ReadonlyMap<number, number>;
  /** Calls that were answered otherwise than they had to be. */
  readonly wrong: readonly string[];
}

/**
 * @param calls in commit order
 * @param lost lines of calls that may or may not have been committed
 */
export function replay(
  initial: readonly Balances[],
  calls: readonly Applied[],
  lost: readonly string[],
): Replayed {
  const balances = initial.map((own) => ({ ...own }));
  const unknown = new Set(lost.flatMap((line) => customersOf(line)));
  const touched = new Map<number, number>();
  const wrong: string[] = [];
  const before = totalOf(balances);
  for (const { line, status, code } of calls) {
    const customers = customersOf(line);
    for (const customer of customers) touched.set(customer, (touched.get(customer) ?? 0) + 1);
    if (customers.some((customer) => unknown.has(customer))) {
      // What is not known spreads, but for calls that only look.
      if (status === 'applied' && kindOf(line) !== 'balance') {
        for (const customer of customers) unknown.add(customer);
      }
      continue;
    }
    const expected = play(balances, line);
    const answered = status === 'applied' ? status : (code ?? 'refused');
    if (expected !== answered)
      wrong.push(`"${line}" was ${answered}, and a replay says ${expected}`);
  }
  return { balances, deltaCents: totalOf(balances) - before, unknown, touched, wrong };
}

export function totalOf(balances: Iterable<Balances>): number {
  let total = 0;
  for (const { savings, checking } of balances) total += savings + checking;
  return total;
}

function play(balances: readonly Balances[], line: string): Outcome {
  const [, kind, , ...words] = line.split(' ');
  const [first, second] = customersOf(line);
  const own = balances[first ?? -1];
  if (own === undefined) throw new RangeError(`nobody has made the customer of "${line}"`);
  const cents = Number(words.at(-1));
  if (kind === 'balance') return 'applied';
  if (kind === 'deposit-checking') {
    own.checking += cents;
    return 'applied';
  }
  if (kind === 'transact-savings') {
    if (own.savings + cents < 0) return 'INSUFFICIENT_FUNDS';
    own.savings += cents;
    return 'applied';
  }
  if (kind === 'write-check') {
    own.checking -= own.savings + own.checking < cents ? cents + PENALTY_CENTS : cents;
    return 'applied';
  }
  const other = balances[second ?? -1];
  if (other === undefined) throw new RangeError(`nobody has made the customer of "${line}"`);
  if (kind === 'amalgamate') {
    other.checking += own.savings + own.checking;
    own.savings = own.checking = 0;
    return 'applied';
  }
  if (own.checking < cents) return 'INSUFFICIENT_FUNDS';
  own.checking -= cents;
  other.checking += cents;
  return 'applied';
}

const kindOf = (line: string): string => line.split(' ')[1] ?? '';

function customersOf(line: string): number[] {
  const [, kind, first, second] = line.split(' ');
  return kind === 'send-payment' || kind === 'amalgamate'
    ? [Number(first), Number(second)]
    : [Number(first)];
}
