// The embedded ledger: Fabric's life of a transaction in one process, on one folder.
// simulate -> read-write set -> order into signed, hash-chained blocks -> MVCC validation -> durable commit -> answer.
import { randomBytes } from 'node:crypto';
import {
  type BlockSummary,
  type Committed,
  type Ledger,
  LedgerError,
  type LedgerEvent,
  type SubmitOptions,
} from '../ledger.js';
import {
  type Block,
  encodeProposal,
  type Proposal,
  sealTransaction,
  summarise,
  transactionId,
} from './block.js';
import { Committer } from './committer.js';
import { withDeadline } from './deadline.js';
import { BlockFeed } from './feed.js';
import { type ChaincodeFactory, ChaincodeHost } from './host.js';
import { checkIdentity, type Identity, signBytes } from './identity.js';
import { CHAINCODE_NAME, LIMITS } from './keys.js';
import { openChain, readBlock } from './open.js';
import { Snapshots } from './snapshots.js';
import { openLevelStore, type Store } from './store.js';
import { RecentWrites } from './validation.js';
import { verifyChain, type VerificationReport, type VerifyOptions } from './verify.js';

export interface EmbeddedLedgerOptions {
  /** The ledger's folder; made when missing, for its owner alone. */
  readonly dir: string;
  /** The channel's name; fixed for good by the first opening. */
  readonly channel: string;
  readonly chaincodes: Readonly<Record<string, ChaincodeFactory>>;
  /** Milliseconds since the epoch. Default: the machine's clock. */
  readonly clock?: () => number;
  /** Who submits through this object. Default: the node itself. */
  readonly identity?: Identity;
  /** The node's organisation, written into the genesis block. Default 'EmbeddedMSP'. */
  readonly mspId?: string;
  /** Transactions that may be under way at once; beyond it `submit` rejects with UNAVAILABLE. Default 256. */
  readonly maxInFlight?: number;
  /** Default 64. */
  readonly maxBlockTransactions?: number;
  /** Default 8 MiB; a single transaction may be larger. */
  readonly maxBlockBytes?: number;
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
  /** Checks everything up to the present height while the ledger goes on working. */
  verify(
    options?: Pick<VerifyOptions, 'expect' | 'onProgress' | 'tempDir'>,
  ): Promise<VerificationReport>;
}

const DEFAULT_DEADLINE_MS = 30_000;

/**
 * Opens the ledger in `dir`, or begins one there.
 * @throws LedgerError LOCKED | INVALID | CORRUPT | UNAVAILABLE
 */
export async function openEmbeddedLedger(options: EmbeddedLedgerOptions): Promise<EmbeddedLedger> {
  const openStore =
    options.openStore ?? ((dir: string) => openLevelStore(dir, { createIfMissing: true }));
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

class EmbeddedNode implements EmbeddedLedger {
  readonly channel: string;
  readonly identity: Identity;
  readonly nodeCertificate: string;
  readonly #clock: () => number;
  readonly #hosts: ReadonlyMap<string, ChaincodeHost>;
  readonly #recent = new RecentWrites();
  readonly #snapshots: Snapshots;
  readonly #committer: Committer;
  readonly #feed: BlockFeed;
  readonly #maxInFlight: number;
  readonly #running = new Set<Promise<unknown>>();
  #inFlight = 0;
  #closing: Promise<void> | undefined;

  constructor(
    private readonly options: EmbeddedLedgerOptions,
    private readonly store: Store,
    head: { readonly height: number; readonly hash: Uint8Array },
    node: Identity,
  ) {
    this.channel = options.channel;
    this.identity = options.identity ?? node;
    checkIdentity(this.identity);
    this.nodeCertificate = node.certificate;
    this.#clock = options.clock ?? Date.now;
    this.#maxInFlight = options.maxInFlight ?? 256;
    this.#hosts = hostsOf(options.chaincodes, this.#clock, node.mspId);
    const read = (number: number): Promise<Block> => readBlock(store, number);
    this.#feed = new BlockFeed(head.height, read);
    this.#snapshots = new Snapshots(store, head.height, read);
    this.#committer = new Committer({
      store,
      head,
      recent: this.#recent,
      sign: (bytes) => signBytes(node.privateKey, bytes),
      maxBlockTransactions: options.maxBlockTransactions ?? 64,
      maxBlockBytes: options.maxBlockBytes ?? 8 * 1024 * 1024,
      onCommitted: ({ height }) => {
        this.#snapshots.advance(height);
        this.#recent.forgetBelow(this.#snapshots.oldestHeight);
        this.#feed.advance(height);
      },
    });
  }

  get inFlight(): number {
    return this.#inFlight;
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
    if (this.#committer.failure !== undefined) throw this.#committer.failure;
    if (this.#inFlight >= this.#maxInFlight) {
      const message = `the ledger has ${this.#inFlight} transactions under way: try again later`;
      throw new LedgerError('UNAVAILABLE', message, { inFlight: this.#inFlight });
    }
    const host = this.#host(chaincode, fn, args);
    return this.#tracked(this.#transact(identity, host, { chaincode, fn, args }, options));
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
    const host = this.#host(chaincode, fn, args);
    const proposal = this.#propose(identity, { chaincode, fn, args }, false);
    const { view, release } = this.#snapshots.borrow();
    const work = host.simulate(proposal, {}, view).finally(release);
    return (await this.#tracked(work)).outcome.response;
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

  as(identity: Identity): Ledger {
    checkIdentity(identity);
    return new LedgerAs(this, identity);
  }

  async verify(
    options: Pick<VerifyOptions, 'expect' | 'onProgress' | 'tempDir'> = {},
  ): Promise<VerificationReport> {
    this.#mustBeOpen();
    const snapshot = this.store.snapshot();
    const { chaincodes, dir } = this.options;
    const work = verifyChain({ ...options, reader: snapshot, chaincodes, dir }).finally(() =>
      snapshot.close(),
    );
    return this.#tracked(work);
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

  async #transact(
    identity: Identity,
    host: ChaincodeHost,
    call: Call,
    { transient = {}, deadlineMs = DEFAULT_DEADLINE_MS }: SubmitOptions,
  ): Promise<Committed> {
    const proposal = this.#propose(identity, call, Object.keys(transient).length > 0);
    const id = transactionId(proposal);
    const work = async (): Promise<Committed> => {
      const { view, release } = this.#snapshots.borrow();
      // The view is held until the verdict: what changes meanwhile must not be forgotten. The place in the queue is
      // held even after the deadline: a chaincode that hangs must not let others pile up behind it.
      this.#inFlight++;
      try {
        const { outcome, seen } = await host.simulate(proposal, transient, view);
        const proposalBytes = encodeProposal(proposal);
        const signature = signBytes(identity.privateKey, proposalBytes);
        const simulatedHeight = view.height;
        const sealed = sealTransaction({ proposalBytes, signature, simulatedHeight, outcome });
        const { chaincode } = call;
        const verdict = await this.#committer.commit({
          chaincode,
          sealed,
          seen,
          writes: outcome.writes,
        });
        if (verdict.validation !== 'VALID')
          throw conflict(verdict.validation, id, verdict.blockNumber);
        return { transactionId: id, blockNumber: verdict.blockNumber, result: outcome.response };
      } finally {
        this.#inFlight--;
        release();
      }
    };
    return withDeadline(work(), deadlineMs, id);
  }

  #propose(identity: Identity, call: Call, hasTransient: boolean): Proposal {
    const { mspId, certificate } = identity;
    return {
      ...call,
      channel: this.channel,
      timestampMs: this.#clock(),
      nonce: randomBytes(24),
      creator: { mspId, certificate },
      hasTransient,
    };
  }

  #follow(options: FollowOptions): AsyncIterable<Block> {
    this.#mustBeOpen();
    return this.#feed.follow(options.fromBlock, options.signal);
  }

  #host(chaincode: string, fn: string, args: readonly string[]): ChaincodeHost {
    const host = this.#hosts.get(chaincode);
    if (host === undefined) {
      throw new LedgerError('NOT_FOUND', `there is no chaincode ${chaincode} here`, { chaincode });
    }
    host.mustKnow(fn);
    const bytes = args.reduce((sum, arg) => sum + Buffer.byteLength(arg), fn.length);
    if (bytes > LIMITS.argumentBytes) {
      const message = `a transaction's arguments may take ${LIMITS.argumentBytes} bytes, not ${bytes}`;
      throw new LedgerError('INVALID', message, { chaincode, fn });
    }
    return host;
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

interface Call {
  readonly chaincode: string;
  readonly fn: string;
  readonly args: readonly string[];
}

interface FollowOptions {
  readonly fromBlock?: number;
  readonly signal?: AbortSignal;
}

/** The ledger with another creator. */
class LedgerAs implements Ledger {
  readonly channel: string;
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  constructor(
    private readonly node: EmbeddedNode,
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

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([...this.#running]);
  }

  #mustBeOpen(): void {
    if (this.#closed) throw closed();
  }
}

function hostsOf(
  chaincodes: Readonly<Record<string, ChaincodeFactory>>,
  now: () => number,
  mspId: string,
): ReadonlyMap<string, ChaincodeHost> {
  const hosts = new Map<string, ChaincodeHost>();
  for (const [name, factory] of Object.entries(chaincodes)) {
    if (!CHAINCODE_NAME.test(name)) {
      const message = `"${name}" can't name a chaincode: letters, digits, and single - or _ between them`;
      throw new LedgerError('INVALID', message, { chaincode: name });
    }
    hosts.set(name, new ChaincodeHost(name, factory, { now }, mspId));
  }
  return hosts;
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

function conflict(
  validation: Exclude<Block['transactions'][number]['validation'], 'VALID'>,
  transactionId: string,
  block: number,
): LedgerError {
  const ids = { transactionId, block };
  return validation === 'MVCC_READ_CONFLICT'
    ? new LedgerError(
        'MVCC_CONFLICT',
        'a key that was read has changed meanwhile: submit again',
        ids,
      )
    : new LedgerError(
        'PHANTOM_CONFLICT',
        'a range that was read has changed meanwhile: submit again',
        ids,
      );
}

function closed(): LedgerError {
  return new LedgerError('CLOSED', 'the ledger was closed');
}
