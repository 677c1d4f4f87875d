// SmallBank (Alomari et al., ICDE 2008), in the mix of BLOCKBENCH (Dinh et al., SIGMOD 2017) and in that of BenchBase
// (Difallah et al., PVLDB 7(4), 2013). After a run every balance is held against a serial replay.
import { BenchError } from '../errors.js';
import type { Call } from '../platforms/index.js';
import { customerCount, initialBalances } from './smallbank/accounts.js';
import { checkBank } from './smallbank/check.js';
import { SmallBankStream, type Weights } from './smallbank/stream.js';
import type { Workload, WorkloadSetting } from './workload.js';

const MIXES: Readonly<Record<string, Weights>> = {
  blockbench: [
    ['amalgamate', 1],
    ['balance', 1],
    ['deposit-checking', 1],
    ['send-payment', 1],
    ['transact-savings', 1],
    ['write-check', 1],
  ],
  benchbase: [
    ['amalgamate', 15],
    ['balance', 15],
    ['deposit-checking', 15],
    ['send-payment', 25],
    ['transact-savings', 15],
    ['write-check', 15],
  ],
};

const HOT = '90 % of operations on 100 customers';

export const smallBank: Workload = {
  name: 'smallbank',
  summary: 'a bank of two accounts a customer: six kinds of transactions, checked to the cent',
  chaincode: 'smallbank',
  variants: {
    blockbench: 'six kinds, a sixth each',
    'blockbench-hotspot': `six kinds, a sixth each; ${HOT}`,
    benchbase: '25 % payments, 15 % each of the other five',
    'benchbase-hotspot': `25 % payments, 15 % each of the other five; ${HOT}`,
  },
  signs: false,
  prepare: (setting) => ({ phases: [creating(setting)], world: () => null }),
  open: (setting, _world, share) =>
    new SmallBankStream({
      setting,
      share,
      customers: customerCount(setting),
      ...variantOf(setting),
    }),
  verify: (setting, _world, applied, order, connection, lost = []) =>
    checkBank(setting, applied, order, connection, lost),
};

function* creating(setting: WorkloadSetting): Generator<Call> {
  for (const [customer, { savings, checking }] of initialBalances(setting).entries()) {
    const line = `c${customer} create ${customer} ${savings} ${checking}`;
    yield { kind: 'load', way: 'ordered', line, lane: String(customer) };
  }
}

/** @throws BenchError USAGE */
function variantOf({ variant }: WorkloadSetting): { weights: Weights; hotspot: boolean } {
  const [name = '', hot] = variant.split('-');
  const weights = MIXES[name];
  if (weights !== undefined && variant in smallBank.variants) {
    return { weights, hotspot: hot === 'hotspot' };
  }
  throw new BenchError('USAGE', `SmallBank has no variant "${variant}"`);
}
