export { applyBatch, applyOne, type BatchContext } from './apply.js';
export { lifeMsOf, OPERATIONS } from './table.js';
export { vaultMark } from './vault-mark.js';
