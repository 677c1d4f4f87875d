// The door of the embedded ledger.
export type { Block, Config, Outcome, Proposal, Transaction, ValidationCode } from './block.js';
export {
  checkChain,
  type CheckedChain,
  type CheckedLine,
  type CheckedTransaction,
  checkTransaction,
} from './check-evidence.js';
export {
  type EmbeddedLedger,
  type EmbeddedLedgerBounds,
  type EmbeddedLedgerOptions,
  openEmbeddedLedger,
} from './embedded-ledger.js';
export type { ChaincodeEnvironment, ChaincodeFactory } from './host.js';
export { createIdentity, type CreateIdentityOptions, type Identity } from './identity.js';
export { LIMITS } from './keys.js';
export { inspectLedger, type LedgerInspection } from './inspect.js';
export { openLevelStore, type Store, type StoreReader, type StoreWrite } from './store.js';
export { type Lie, type VerificationReport, verifyLedger, type VerifyOptions } from './verify.js';
