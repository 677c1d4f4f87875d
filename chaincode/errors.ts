// The chaincode's one error class: why a whole transaction was abandoned. A single operation that is not allowed is
// never an error: it gets a receipt with a refusal code (see model/receipt.ts).

export type ChaincodeErrorCode =
  /** The transaction's time is over two minutes from this endorser's clock. */
  | 'CLOCK_SKEW'
  /** More operations or bytes than one batch may hold. */
  | 'BATCH_TOO_LARGE'
  /** The ledger has no genesis document yet. */
  | 'NOT_INITIALISED'
  /** The ledger has its genesis document already. */
  | 'ALREADY_INITIALISED'
  /** No document of that id. */
  | 'NOT_FOUND'
  /** Arguments of a query or of a named transaction that can't be read. */
  | 'BAD_ARGUMENTS'
  /** The caller's certificate holds no P-256 key, or a key that no user has. */
  | 'UNKNOWN_CREATOR'
  /** A value has no canonical JSON form (unsafe number, ill-formed string, unsupported type). */
  | 'NOT_CANONICAL';

/** Thrown to abandon a transaction; `ids` names what it concerns. */
export class ChaincodeError extends Error {
  override readonly name = 'ChaincodeError';
  constructor(
    readonly code: ChaincodeErrorCode,
    message: string,
    readonly ids: Readonly<Record<string, string | number>> = {},
  ) {
    super(`${code}: ${message}`);
  }
}
