// The door of the workloads.
import { BenchError } from '../errors.js';
import { doNothing } from './do-nothing.js';
import type { Workload } from './workload.js';

export type * from './workload.js';

export const WORKLOADS: readonly Workload[] = [doNothing];

/** @throws BenchError USAGE */
export function workloadNamed(name: string): Workload {
  const found = WORKLOADS.find((workload) => workload.name === name);
  if (found !== undefined) return found;
  const names = WORKLOADS.map((workload) => workload.name).join(', ');
  throw new BenchError('USAGE', `there is no workload "${name}": ${names}`);
}
