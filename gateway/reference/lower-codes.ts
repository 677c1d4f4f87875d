// When the packages below the gateway give which error. A code without words does not compile.
import type { ChaincodeErrorCode } from '@prms/chaincode';
import type { LedgerErrorCode } from '@prms/network';

/** `LedgerError.code`: why a ledger did not do what it was asked. */
export const ledgerCodes: Readonly<Record<LedgerErrorCode, string>> = {
  MVCC_CONFLICT:
    'Another transaction of the same or an earlier block changed a key that this one had read. Safe to submit again.',
  PHANTOM_CONFLICT:
    'A range that this transaction read has since gained or lost a key. Safe to submit again.',
  CHAINCODE_FAILED:
    'The chaincode threw: nothing was ordered. The message begins with the chaincode’s own code, below.',
  NOT_FOUND: 'No chaincode, function or block of that name or number.',
  UNAVAILABLE:
    'The ledger’s queue is full, or the ledger can’t be reached. Safe to submit again later.',
  TIMEOUT:
    'The deadline passed; the transaction may or may not commit. Safe to submit again: an operation counts once.',
  LOCKED: 'Another process holds the data folder.',
  CORRUPT: 'What is on disk contradicts itself; the message names the first block that lies.',
  INVALID: 'Arguments, options or configuration that can’t be used.',
  CLOSED: 'The ledger was closed.',
};

/** `ChaincodeError.code`: why a whole transaction was abandoned. One operation that is not allowed is no error. */
export const chaincodeCodes: Readonly<Record<ChaincodeErrorCode, string>> = {
  CLOCK_SKEW: 'The transaction’s time is more than two minutes from this endorser’s clock.',
  BATCH_TOO_LARGE: 'More operations or bytes than one batch may hold.',
  NOT_INITIALISED: 'The ledger has no genesis document yet.',
  ALREADY_INITIALISED: 'The ledger has its genesis document already.',
  NOT_FOUND: 'No document of that id.',
  BAD_ARGUMENTS: 'Arguments of a query or of a named transaction that can’t be read.',
  UNKNOWN_CREATOR: 'The caller’s certificate holds no P-256 key, or a key that no user has.',
  NOT_CANONICAL:
    'A value has no canonical JSON form: an unsafe number, an ill-formed string, a type that JSON does not have.',
};
