export { applyBatch, applyOne, readArguments, type BatchContext } from './apply.js';
export { retrace, type AppliedOperation, type Retraced } from './retrace.js';
export { lifeMsOf, OPERATIONS } from './table.js';
export { vaultMark } from './vault-mark.js';
