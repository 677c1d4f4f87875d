// SmallBank's customers, and what they begin with.
import { randomOf, wholeBelow } from '../../stats/random.js';
import type { WorkloadSetting } from '../workload.js';

export const HOT_CUSTOMERS = 100;
const [LEAST_CENTS, MOST_CENTS] = [10_000, 50_000];
/** The stream of the seed that balances are drawn from. */
const BALANCES_STREAM = 0x10000000;

export const customerCount = ({ quick }: Pick<WorkloadSetting, 'quick'>): number =>
  quick ? 1000 : 100_000;

export interface Balances {
  savings: number;
  checking: number;
}

/** In cents, by customer. */
export function initialBalances(setting: Pick<WorkloadSetting, 'seed' | 'quick'>): Balances[] {
  const random = randomOf(setting.seed, BALANCES_STREAM);
  const cents = (): number => LEAST_CENTS + wholeBelow(random, MOST_CENTS - LEAST_CENTS + 1);
  return Array.from({ length: customerCount(setting) }, () => ({
    savings: cents(),
    checking: cents(),
  }));
}
