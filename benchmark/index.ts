// The door of the benchmark: what somebody needs to write a platform or a workload, and to read results.
export { BenchError, type BenchErrorCode } from './errors.js';
export type * from './platforms/index.js';
export { CallError } from './platforms/index.js';
export type * from './workloads/index.js';
export type * from './results/result.js';
