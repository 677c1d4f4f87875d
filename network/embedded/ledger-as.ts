// The embedded ledger with somebody else as the transactions' creator.
import {
  type BlockSummary,
  type Committed,
  type Ledger,
  LedgerError,
  type LedgerEvent,
  type SubmitOptions,
} from '../ledger.js';
import type { LedgerEvidence } from '../evidence.js';
import type { Identity } from './identity.js';

export interface FollowOptions {
  readonly fromBlock?: number;
  readonly signal?: AbortSignal;
}

/** What a view needs of the ledger behind it. */
export interface ActingLedger extends Pick<
  Ledger,
  'channel' | 'events' | 'blocks' | 'height' | 'evidence'
> {
  submitAs(
    identity: Identity,
    chaincode: string,
    fn: string,
    args: readonly string[],
    options: SubmitOptions,
  ): Promise<Committed>;
  evaluateAs(
    identity: Identity,
    chaincode: string,
    fn: string,
    args: readonly string[],
  ): Promise<Uint8Array>;
}

/** Closing it closes this view only. */
export class LedgerAs implements Ledger {
  readonly channel: string;
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  constructor(
    private readonly node: ActingLedger,
    private readonly identity: Identity,
  ) {
    this.channel = node.channel;
  }

  async submit(
    chaincode: string,
    fn: string,
    args: readonly string[],
    options: SubmitOptions = {},
  ): Promise<Committed> {
    this.#mustBeOpen();
    const work = this.node.submitAs(this.identity, chaincode, fn, args, options);
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  async evaluate(chaincode: string, fn: string, args: readonly string[]): Promise<Uint8Array> {
    this.#mustBeOpen();
    return this.node.evaluateAs(this.identity, chaincode, fn, args);
  }

  events(options?: FollowOptions): AsyncIterable<LedgerEvent> {
    this.#mustBeOpen();
    return this.node.events(options);
  }

  blocks(options?: FollowOptions): AsyncIterable<BlockSummary> {
    this.#mustBeOpen();
    return this.node.blocks(options);
  }

  async height(): Promise<number> {
    this.#mustBeOpen();
    return this.node.height();
  }

  async evidence(): Promise<LedgerEvidence> {
    this.#mustBeOpen();
    return this.node.evidence();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([...this.#running]);
  }

  #mustBeOpen(): void {
    if (this.#closed) throw closed();
  }
}

export function closed(): LedgerError {
  return new LedgerError('CLOSED', 'the ledger was closed');
}
