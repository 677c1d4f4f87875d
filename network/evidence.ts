// Evidence: what shows to somebody without the ledger that a signed line, and the answer to it, stand on the chain whose
// head they know. Its form is the ledger's own, so it is typed by kind; a Fabric network's will be another one (its data
// hash covers the transactions one after the other, so there the whole block has to be shown).

/** A place in a hash tree, as JSON: hashes in base64url, lowest first. */
export interface PlaceProof {
  readonly index: number;
  readonly count: number;
  readonly path: readonly string[];
}

/** One line of a transaction, and what was answered to it. */
export interface LineProof {
  readonly line: string;
  readonly place: PlaceProof;
  /** Missing when the chaincode did not answer line by line. It stands at the same place as the line. */
  readonly answer?: { readonly line: string; readonly path: readonly string[] };
}

/** Lines of the first argument of one valid transaction of the embedded ledger. Bytes and hashes in base64url. */
export interface TransactionProof {
  readonly kind: 'embedded';
  readonly transactionId: string;
  readonly block: number;
  /** The transaction's place among those of its block. */
  readonly place: PlaceProof;
  /** The proposal without its arguments: channel, chaincode, function, time, creator. */
  readonly head: string;
  /** The tree roots of the arguments, of the response, and the hash of everything else. */
  readonly args: readonly string[];
  readonly response: string;
  readonly rest: string;
  readonly lines: readonly LineProof[];
}

/** What the chain begins and ends with. */
export interface ChainAnchor {
  readonly kind: 'embedded';
  /** The genesis block's configuration: channel, and the certificate whose key signs the blocks. base64url. */
  readonly genesis: string;
  /** Number of blocks, and the last one's hash, hex. */
  readonly height: number;
  readonly headHash: string;
  /** The node's signature over the last block's header, base64url. */
  readonly headSignature: string;
}

/** The ledger as it stood at one height, ready to prove what it holds. */
export interface LedgerEvidence {
  readonly anchor: ChainAnchor;
  /** The data hash of every block, 32 bytes each, from the genesis block to the head. */
  chain(): AsyncIterable<Uint8Array>;
  /**
   * @param wanted picks the lines to show; the others stay hidden behind their hashes
   * @throws LedgerError NOT_FOUND when no block up to the head has this transaction, or it is not valid
   */
  transaction(transactionId: string, wanted: (line: string) => boolean): Promise<TransactionProof>;
}
