export { applyBatch, applyOne, type BatchContext } from './apply.js';
export { OPERATIONS } from './table.js';
