// The embedded ledger: Fabric's life of a transaction in one process, on one folder.
// simulate -> read-write set -> order into signed, hash-chained blocks -> MVCC validation -> durable commit -> answer.
import type { BlockSummary, Committed, Ledger, LedgerEvent, SubmitOptions } from '../ledger.js';
import type { LedgerEvidence } from '../evidence.js';
import { type Block, summarise } from './block.js';
import { Committer } from './committer.js';
import { Endorser } from './endorser.js';
import { evidenceAt } from './evidence.js';
import { BlockFeed } from './feed.js';
import type { ChaincodeFactory } from './host.js';
import { checkIdentity, type Identity, signBytes } from './identity.js';
import { type ActingLedger, closed, type FollowOptions, LedgerAs } from './ledger-as.js';
import { openChain, readBlock } from './open.js';
import { Snapshots } from './snapshots.js';
import { openLevelStore, STORE_MEMORY, type Store, type StoreMemory } from './store.js';
import { RecentWrites } from './validation.js';
import { Verifications, type VerifyRequest } from './verifications.js';
import { verifyChain, type VerificationReport } from './verify.js';

/** What bounds it; whoever leaves one out gets its default. */
export interface EmbeddedLedgerBounds extends StoreMemory {
  /** Transactions that may be under way at once; beyond it `submit` rejects with UNAVAILABLE. Default 256. */
  readonly maxInFlight: number;
  /** Bytes of arguments that may be under way at once. Default 64 MiB. */
  readonly maxInFlightBytes: number;
  /** The same of queries, which never wait for the disk. Default 1,024. */
  readonly maxQueries: number;
  /** How long a query may take, and a transaction that is given no time of its own. Default 30 s. */
  readonly deadlineMs: number;
  /** Default 64. */
  readonly maxBlockTransactions: number;
  /** Default 8 MiB; a single transaction may be larger. */
  readonly maxBlockBytes: number;
  /** Verifications that may wait, the one that runs included; beyond it `verify` rejects with UNAVAILABLE. Default 8. */
  readonly maxVerifications: number;
}

const PRESETS: EmbeddedLedgerBounds = {
  ...STORE_MEMORY,
  maxInFlight: 256,
  maxInFlightBytes: 64 * 1024 * 1024,
  maxQueries: 1024,
  deadlineMs: 30_000,
  maxBlockTransactions: 64,
  maxBlockBytes: 8 * 1024 * 1024,
  maxVerifications: 8,
};

export interface EmbeddedLedgerOptions extends Partial<EmbeddedLedgerBounds> {
  /** The ledger's folder; made when missing, for its owner alone. */
  readonly dir: string;
  /** The channel's name; fixed for good by the first opening. */
  readonly channel: string;
  readonly chaincodes: Readonly<Record<string, ChaincodeFactory>>;
  /**
   * Names of the chaincodes that may be given transient data; `submit` refuses it for any other (INVALID), because no
   * verification could run such a transaction again. Default: none.
   */
  readonly transientChaincodes?: readonly string[];
  /** Milliseconds since the epoch. Default: the machine's clock. */
  readonly clock?: () => number;
  /** Who submits through this object. Default: the node itself. */
  readonly identity?: Identity;
  /** The node's organisation, written into the genesis block. Default 'EmbeddedMSP'. */
  readonly mspId?: string;
  /** Default: `level` in `dir`. */
  readonly openStore?: (dir: string) => Promise<Store>;
}

export interface EmbeddedLedger extends Ledger {
  /** Who submits through this object. */
  readonly identity: Identity;
  /** The certificate whose key signs the blocks, PEM. */
  readonly nodeCertificate: string;
  /** The same ledger, with somebody else as the transactions' creator. Closing it closes this view only. */
  as(identity: Identity): Ledger;
  /** A whole block. @throws LedgerError NOT_FOUND | CORRUPT */
  block(number: number): Promise<Block>;
  /** Transactions that were accepted and not yet answered. */
  readonly inFlight: number;
  /** False once the disk has refused a block: reads go on, nothing is accepted until the ledger is opened anew. */
  readonly accepting: boolean;
  /**
   * Checks everything up to the present height while the ledger goes on working. One verification runs at a time:
   * whoever asks the same at the same height shares it, others wait for theirs.
   * @throws LedgerError UNAVAILABLE when too many wait | CLOSED
   */
  verify(options?: VerifyRequest): Promise<VerificationReport>;
}

/**
 * Opens the ledger in `dir`, or begins one there.
 * @throws LedgerError LOCKED | INVALID | CORRUPT | UNAVAILABLE
 */
export async function openEmbeddedLedger(options: EmbeddedLedgerOptions): Promise<EmbeddedLedger> {
  const openStore =
    options.openStore ??
    ((dir: string) => openLevelStore(dir, { createIfMissing: true }, { ...PRESETS, ...options }));
  const { store, head, node } = await openChain({
    dir: options.dir,
    channel: options.channel,
    mspId: options.mspId ?? 'EmbeddedMSP',
    clock: options.clock ?? Date.now,
    openStore,
  });
  try {
    return new EmbeddedNode(options, store, head, node);
  } catch (error) {
    await store.close();
    throw error;
  }
}

class EmbeddedNode implements EmbeddedLedger, ActingLedger {
  readonly channel: string;
  readonly identity: Identity;
  readonly nodeCertificate: string;
  readonly #endorser: Endorser;
  readonly #recent = new RecentWrites();
  readonly #snapshots: Snapshots;
  readonly #committer: Committer;
  readonly #feed: BlockFeed;
  readonly #running = new Set<Promise<unknown>>();
  readonly #verifications: Verifications;
  #closing: Promise<void> | undefined;

  constructor(
    private readonly options: EmbeddedLedgerOptions,
    private readonly store: Store,
    head: { readonly height: number; readonly hash: Uint8Array },
    node: Identity,
  ) {
    const bounds = { ...PRESETS, ...options };
    this.channel = options.channel;
    this.identity = options.identity ?? node;
    checkIdentity(this.identity);
    this.nodeCertificate = node.certificate;
    const read = (number: number): Promise<Block> => readBlock(store, number);
    this.#feed = new BlockFeed(head.height, read);
    this.#snapshots = new Snapshots(store, head.height, read);
    this.#committer = new Committer({
      store,
      head,
      recent: this.#recent,
      sign: (bytes) => signBytes(node.privateKey, bytes),
      maxBlockTransactions: bounds.maxBlockTransactions,
      maxBlockBytes: bounds.maxBlockBytes,
      onCommitted: ({ height }) => {
        this.#snapshots.advance(height);
        this.#recent.forgetBelow(this.#snapshots.oldestHeight);
        this.#feed.advance(height);
      },
    });
    this.#endorser = new Endorser({
      channel: options.channel,
      clock: options.clock ?? Date.now,
      mspId: node.mspId,
      chaincodes: options.chaincodes,
      transientChaincodes: new Set(options.transientChaincodes),
      snapshots: this.#snapshots,
      committer: this.#committer,
      maxInFlight: bounds.maxInFlight,
      maxInFlightBytes: bounds.maxInFlightBytes,
      maxQueries: bounds.maxQueries,
      deadlineMs: bounds.deadlineMs,
    });
    this.#verifications = new Verifications({
      height: () => this.#feed.height,
      most: bounds.maxVerifications,
      verify: (request) => this.#verifyNow(request),
    });
  }

  get inFlight(): number {
    return this.#endorser.inFlight;
  }

  get accepting(): boolean {
    return this.#committer.failure === undefined;
  }

  submit(
    chaincode: string,
    fn: string,
    args: readonly string[],
    options: SubmitOptions = {},
  ): Promise<Committed> {
    return this.submitAs(this.identity, chaincode, fn, args, options);
  }

  async submitAs(
    identity: Identity,
    chaincode: string,
    fn: string,
    args: readonly string[],
    options: SubmitOptions,
  ): Promise<Committed> {
    this.#mustBeOpen();
    return this.#tracked(this.#endorser.submit(identity, { chaincode, fn, args }, options));
  }

  evaluate(chaincode: string, fn: string, args: readonly string[]): Promise<Uint8Array> {
    return this.evaluateAs(this.identity, chaincode, fn, args);
  }

  async evaluateAs(
    identity: Identity,
    chaincode: string,
    fn: string,
    args: readonly string[],
  ): Promise<Uint8Array> {
    this.#mustBeOpen();
    return this.#tracked(this.#endorser.evaluate(identity, { chaincode, fn, args }));
  }

  // Not generators themselves: "from now" is the moment of the call, not that of the first read.
  events(options: FollowOptions = {}): AsyncIterable<LedgerEvent> {
    return flatten(this.#follow(options), eventsOf);
  }

  blocks(options: FollowOptions = {}): AsyncIterable<BlockSummary> {
    return flatten(this.#follow(options), (block) => [summarise(block)]);
  }

  async block(number: number): Promise<Block> {
    this.#mustBeOpen();
    return readBlock(this.store, number);
  }

  async height(): Promise<number> {
    this.#mustBeOpen();
    return Promise.resolve(this.#feed.height);
  }

  async evidence(): Promise<LedgerEvidence> {
    this.#mustBeOpen();
    return this.#tracked(evidenceAt(this.store, this.#feed.height));
  }

  as(identity: Identity): Ledger {
    checkIdentity(identity);
    return new LedgerAs(this, identity);
  }

  async verify(options: VerifyRequest = {}): Promise<VerificationReport> {
    this.#mustBeOpen();
    return this.#tracked(this.#verifications.ask(options));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#running]);
    await this.#committer.drain();
    this.#feed.close();
    await this.#snapshots.close();
    await this.store.close();
  }

  async #verifyNow(request: VerifyRequest): Promise<VerificationReport> {
    // Its turn may come after the closing has begun: what would only wait for it is let go.
    this.#mustBeOpen();
    const { chaincodes, transientChaincodes = [], dir } = this.options;
    const reader = this.store.snapshot();
    try {
      return await verifyChain({ ...request, reader, chaincodes, transientChaincodes, dir });
    } finally {
      await reader.close();
    }
  }

  #follow(options: FollowOptions): AsyncIterable<Block> {
    this.#mustBeOpen();
    return this.#feed.follow(options.fromBlock, options.signal);
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }

  #tracked<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    const forget = (): void => void this.#running.delete(work);
    work.then(forget, forget);
    return work;
  }
}

function eventsOf(block: Block): LedgerEvent[] {
  return block.transactions.flatMap(({ id, proposal, outcome, validation }) => {
    if (validation !== 'VALID' || outcome.event === null) return [];
    const { chaincode, timestampMs } = proposal;
    const blockNumber = block.number;
    return [{ ...outcome.event, chaincode, transactionId: id, blockNumber, timestampMs }];
  });
}

async function* flatten<T>(
  blocks: AsyncIterable<Block>,
  pick: (block: Block) => readonly T[],
): AsyncGenerator<T, void, undefined> {
  for await (const block of blocks) yield* pick(block);
}
