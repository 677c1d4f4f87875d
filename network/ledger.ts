// The port: what a gateway may ask of a ledger, whichever ledger it is.
// Consumers depend on this file alone; implementors run the conformance suite in `conformance/`.
import type { LedgerEvidence } from './evidence.js';

/** Why a ledger could not do what it was asked. Closed union: a new code is a change of the interface. */
export type LedgerErrorCode =
  /** Another transaction of the same or an earlier block changed a key that this one had read. Safe to submit again. */
  | 'MVCC_CONFLICT'
  /** A range read by this transaction has since gained or lost a key. Safe to submit again. */
  | 'PHANTOM_CONFLICT'
  /** The chaincode threw: nothing was ordered. `message` carries what it said. */
  | 'CHAINCODE_FAILED'
  /** No chaincode, function or block of that name or number. */
  | 'NOT_FOUND'
  /** The ledger's queue is full or the ledger can't be reached. Safe to submit again later. */
  | 'UNAVAILABLE'
  /** The deadline passed; the transaction may or may not commit. Safe to submit again: operations are idempotent. */
  | 'TIMEOUT'
  /** Another process holds the data folder. */
  | 'LOCKED'
  /** What is on disk contradicts itself; `message` names the first block that lies. */
  | 'CORRUPT'
  /** Arguments, options or configuration that can't be used. */
  | 'INVALID'
  /** The ledger was closed. */
  | 'CLOSED';

/** The one error class of this package. `ids` names the transaction, block, chaincode or folder involved. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  constructor(
    readonly code: LedgerErrorCode,
    message: string,
    readonly ids: Readonly<Record<string, string | number>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A transaction that is on disk and valid. */
export interface Committed {
  readonly transactionId: string;
  /** Number of the block that holds it; the genesis block is 0. */
  readonly blockNumber: number;
  /** What the chaincode function returned. */
  readonly result: Uint8Array;
  /** Where the time went, as far as the ledger can see: `check` (simulation), `order`, `commit`. */
  readonly stagesMs?: Readonly<Record<string, number>>;
}

/** The chaincode event of one committed, valid transaction (Fabric keeps at most one a transaction). */
export interface LedgerEvent {
  readonly chaincode: string;
  readonly name: string;
  readonly payload: Uint8Array;
  readonly transactionId: string;
  readonly blockNumber: number;
  /** The transaction's timestamp, milliseconds since the epoch, as its sender set it. */
  readonly timestampMs: number;
}

/** What one block says of itself, without its transactions' contents. */
export interface BlockSummary {
  readonly number: number;
  /** SHA-256 of the block's header, hex. */
  readonly hash: string;
  readonly previousHash: string;
  readonly transactions: readonly {
    readonly transactionId: string;
    readonly chaincode: string;
    readonly timestampMs: number;
    readonly validation: 'VALID' | 'MVCC_READ_CONFLICT' | 'PHANTOM_READ_CONFLICT';
  }[];
}

export interface SubmitOptions {
  /** Data that the chaincode sees and that never enters a block. */
  readonly transient?: Readonly<Record<string, Uint8Array>>;
  /** Give up waiting after so many milliseconds (TIMEOUT). Default 30 000. */
  readonly deadlineMs?: number;
}

export interface Ledger {
  /** The channel's name: signed operations carry it, so nothing is replayed on another ledger. */
  readonly channel: string;

  /**
   * Runs `fn` of `chaincode`, orders its writes and waits until they are durable and valid.
   * @throws LedgerError MVCC_CONFLICT | PHANTOM_CONFLICT | CHAINCODE_FAILED | NOT_FOUND | UNAVAILABLE | TIMEOUT | CLOSED
   */
  submit(
    chaincode: string,
    fn: string,
    args: readonly string[],
    options?: SubmitOptions,
  ): Promise<Committed>;

  /** Runs `fn` against the committed state and throws its writes away. */
  evaluate(chaincode: string, fn: string, args: readonly string[]): Promise<Uint8Array>;

  /** Events from block `fromBlock` on (default: from now), then live, until `signal` aborts or the ledger closes. */
  events(options?: { fromBlock?: number; signal?: AbortSignal }): AsyncIterable<LedgerEvent>;

  /** Blocks from `fromBlock` on (default: from now), then live, until `signal` aborts or the ledger closes. */
  blocks(options?: { fromBlock?: number; signal?: AbortSignal }): AsyncIterable<BlockSummary>;

  /** Number of blocks, the genesis block included. */
  height(): Promise<number>;

  /**
   * The ledger as it stands now, ready to prove to somebody who doesn't have it what it holds.
   * @throws LedgerError UNAVAILABLE | CORRUPT | CLOSED
   */
  evidence(): Promise<LedgerEvidence>;

  /** Waits for what was accepted, then lets go of everything. Idempotent. */
  close(): Promise<void>;
}
