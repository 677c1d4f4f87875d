// YCSB, core workloads A to F (Cooper et al., "Benchmarking cloud serving systems with YCSB", SoCC 2010), each with its
// reads as local queries and with its reads ordered through the ledger.
import { BenchError } from '../errors.js';
import type { Call } from '../platforms/index.js';
import type { Workload, WorkloadSetting } from './workload.js';
import { checkRecords } from './ycsb/check.js';
import { CORE, type CoreWorkload, VARIANTS } from './ycsb/mixes.js';
import { insertLine, keyOf, recordCount } from './ycsb/records.js';
import { YcsbStream } from './ycsb/stream.js';

export const ycsb: Workload = {
  name: 'ycsb',
  summary: 'a table of records with ten fields: reads, updates, inserts, scans',
  chaincode: 'ycsb',
  variants: VARIANTS,
  signs: false,
  prepare: (setting) => ({ phases: [loading(setting)], world: () => null }),
  open: (setting, _world, share) =>
    new YcsbStream({ setting, share, loaded: recordCount(setting), ...variantOf(setting) }),
  verify: (setting, _world, applied, order, connection, lost = []) =>
    checkRecords(setting, applied, order, connection, lost),
};

function* loading(setting: WorkloadSetting): Generator<Call> {
  for (let record = 0; record < recordCount(setting); record++) {
    const line = insertLine(`l${record}`, setting.seed, record);
    yield { kind: 'load', way: 'ordered', line, lane: keyOf(record) };
  }
}

/** @throws BenchError USAGE */
function variantOf({ variant }: WorkloadSetting): { core: CoreWorkload; ordered: boolean } {
  const [name = '', reads] = variant.split('-');
  const core = CORE[name];
  if (core !== undefined && variant in VARIANTS) return { core, ordered: reads === 'ordered' };
  throw new BenchError('USAGE', `YCSB has no variant "${variant}"`);
}
