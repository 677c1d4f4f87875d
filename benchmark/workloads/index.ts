// The door of the workloads.
import { BenchError } from '../errors.js';
import { doNothing } from './do-nothing.js';
import { records } from './records/index.js';
import { smallBank } from './smallbank.js';
import type { Workload } from './workload.js';
import { ycsb } from './ycsb.js';

export type * from './workload.js';

export const WORKLOADS: readonly Workload[] = [records, ycsb, smallBank, doNothing];

/**
 * A workload by its name, or by the address of a module that exports one as `workload`.
 * @throws BenchError USAGE
 */
export async function loadWorkload(name: string): Promise<Workload> {
  const found = WORKLOADS.find((workload) => workload.name === name);
  if (found !== undefined) return found;
  if (name.startsWith('file:')) {
    const module: unknown = await import(name);
    if (typeof module === 'object' && module !== null && 'workload' in module)
      return module.workload as Workload;
  }
  const names = WORKLOADS.map((workload) => workload.name).join(', ');
  throw new BenchError('USAGE', `there is no workload "${name}": ${names}`);
}
