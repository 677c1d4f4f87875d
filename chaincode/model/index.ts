// The model: what things on the ledger are called and look like. Imports no Fabric; runs in a browser.

export * from './canonical.js';
export * from './ids.js';
export * from './vocabulary.js';
export * from './arguments.js';
export * from './documents.js';
export * from './operation.js';
export * from './receipt.js';
export { ChaincodeError, type ChaincodeErrorCode } from '../errors.js';
