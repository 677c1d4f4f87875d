// Results of two folders against each other.
export * from './compare.js';
export { formatComparison } from './format.js';
export type { Difference } from './differences.js';
export type { MetricName } from './metrics.js';
export type { LeftOut, Side } from './points.js';
