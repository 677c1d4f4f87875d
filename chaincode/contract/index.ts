// The chaincode as Fabric sees it: `ledger`, `operations`, `query`, and one contract a family of operations.

import { SignaturesAhead, ThreadedVerifier, type SignatureVerifier } from '../signatures/index.js';
import type { ChaincodeEnvironment } from './environment.js';
import type { Contract } from '../fabric/index.js';
import { LedgerContract } from './ledger-contract.js';
import { namedContracts } from './named-contracts.js';
import { OperationsContract } from './operations-contract.js';
import { QueryContract } from './query-contract.js';

/** The chaincode's name on a channel. */
export const RECORDS = 'records';

const sharedVerifier = new ThreadedVerifier();
const sharedAhead = new SignaturesAhead(sharedVerifier);

/**
 * Says that this process will soon apply a signed operation: threads check its signature meanwhile.
 * A hint for speed, and no promise: whatever is announced or not, the same receipts come.
 */
export function announceLine(line: string): void {
  sharedAhead.announce(line);
}

/** Makes the records chaincode's contracts for a host. The first is the default one. */
export function recordsChaincode(
  environment: ChaincodeEnvironment,
  verifier: SignatureVerifier = sharedVerifier,
  ahead: SignaturesAhead = sharedAhead,
): Contract[] {
  return [
    new OperationsContract(environment, verifier, ahead),
    new LedgerContract(environment),
    new QueryContract(),
    ...namedContracts(environment),
  ];
}

export { genesisSchema } from './ledger-contract.js';
export { MAX_BATCH_BYTES, MAX_BATCH_OPERATIONS, RECEIPTS_EVENT } from './operations-contract.js';
export type { Page } from './pages.js';
export type { ChaincodeEnvironment } from './environment.js';
