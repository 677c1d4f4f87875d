// The chaincode's first door: the contracts for a host, and what a client needs to make operations. `./model` and
// `./rules` import no Fabric and run in a browser; `./fabric` loads it, for here and for the ledger's hosts.

export * from './model/index.js';
export { ChaincodeError, type ChaincodeErrorCode } from './errors.js';
export {
  announceLine,
  genesisSchema,
  MAX_BATCH_BYTES,
  MAX_BATCH_OPERATIONS,
  RECEIPTS_EVENT,
  RECORDS,
  recordsChaincode,
  type ChaincodeEnvironment,
  type Page,
} from './contract/index.js';
export {
  hashText,
  inlineVerifier,
  isSignedBy,
  kidOf,
  lowS,
  possessionText,
  signedText,
  SignaturesAhead,
  ThreadedVerifier,
  userIdOf,
  type SignatureVerifier,
} from './signatures/index.js';
export {
  lifeMsOf,
  retrace,
  vaultMark,
  type AppliedOperation,
  type Retraced,
} from './operations/index.js';
