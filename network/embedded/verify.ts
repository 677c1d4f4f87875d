// Verification: walks the chain from its genesis block, believes nothing, and rebuilds the state beside it.
// Hashes, the node's and the creators' signatures, validation codes, every transaction run again with its reads,
// writes, answer and event compared, and in the end the state held against the state rebuilt.
import { createPublicKey } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { LedgerError } from '../ledger.js';
import { type Block, headerBytes, NO_HASH } from './block.js';
import { effectsOf, placesOf } from './committer.js';
import { compareStores } from './compare-stores.js';
import type { ChaincodeFactory } from './host.js';
import { publicKeyOf, readNodeKey, verifyBytes } from './identity.js';
import { ALL_HISTORY, ALL_STATE, ALL_TRANSACTIONS, blockKey } from './keys.js';
import { readBlock, readHead, storeFolder } from './open.js';
import { TransactionChecker } from './recheck.js';
import { openLevelStore, type Store, type StoreReader } from './store.js';

export interface Lie {
  /** The first block that lies; for a state that lies, the block whose effect is not what is held. */
  readonly block: number;
  readonly transactionId?: string;
  readonly message: string;
}

export interface VerificationReport {
  readonly ok: boolean;
  readonly channel: string;
  /** Number of blocks that the ledger claims. */
  readonly height: number;
  /** Transactions that were checked. */
  readonly transactions: number;
  /** Of these, marked as conflicting: they changed nothing, and rightly so. */
  readonly conflicts: number;
  /** Of these, not run again because they came with transient data, which blocks don't hold. */
  readonly notRunAgain: number;
  readonly stateKeys: number;
  /** SHA-256 of the first and the last block's header, hex: note them elsewhere to detect a chain that was replaced. */
  readonly genesisHash: string;
  readonly headHash: string;
  readonly lie?: Lie;
}

export interface VerifyOptions {
  /** The ledger's folder. */
  readonly dir: string;
  /** All whose transactions may be in the blocks: one of any other is a lie. */
  readonly chaincodes: Readonly<Record<string, ChaincodeFactory>>;
  /**
   * Names of the chaincodes that may be given transient data. Their transactions with such data can't be run again
   * and are believed; one of any other chaincode is a lie. Default: none.
   */
  readonly transientChaincodes?: readonly string[];
  /** Hashes of blocks that were noted elsewhere, hex. */
  readonly expect?: readonly { readonly block: number; readonly hash: string }[];
  /** Told after each block; must not throw. */
  readonly onProgress?: (progress: { readonly block: number; readonly height: number }) => void;
  /** Where the state is rebuilt; it takes as much disk as the state. Default: the system's temporary folder. */
  readonly tempDir?: string;
}

/**
 * Verifies a ledger that no process holds.
 * @throws LedgerError LOCKED | NOT_FOUND | UNAVAILABLE; a ledger that lies is a report, not an error
 */
export async function verifyLedger(options: VerifyOptions): Promise<VerificationReport> {
  const store = await openLevelStore(storeFolder(options.dir), { createIfMissing: false });
  try {
    return await verifyChain({ ...options, reader: store });
  } finally {
    await store.close();
  }
}

/** Verifies what `reader` shows: a store, or a snapshot of one that is in use. */
export async function verifyChain(
  options: VerifyOptions & { readonly reader: StoreReader },
): Promise<VerificationReport> {
  const parent = options.tempDir ?? tmpdir();
  const temp = await mkdtemp(join(parent, 'prms-verify-'));
  const rebuilt = await openLevelStore(temp, { createIfMissing: true });
  try {
    return await new ChainWalk(options, rebuilt).report();
  } finally {
    await rebuilt.close();
    await rm(temp, { recursive: true, force: true });
  }
}

class LieFound extends Error {
  override readonly name = 'LieFound';
  constructor(readonly lie: Lie) {
    super(lie.message);
  }
}

class ChainWalk {
  #channel = '';
  #nodeCertificate = '';
  #height = 0;
  #previousHash: Uint8Array = NO_HASH;
  #genesisHash = '';
  #transactions = 0;
  #conflicts = 0;
  #notRunAgain = 0;
  #stateKeys = 0;

  constructor(
    private readonly options: VerifyOptions & { readonly reader: StoreReader },
    private readonly rebuilt: Store,
  ) {}

  async report(): Promise<VerificationReport> {
    try {
      await this.#walk();
    } catch (error) {
      if (error instanceof LieFound) return { ok: false, ...this.#counts(), lie: error.lie };
      throw error;
    }
    return { ok: true, ...this.#counts() };
  }

  async #walk(): Promise<void> {
    const { reader, dir, onProgress } = this.options;
    const head = await this.#orLie(0, () => readHead(reader));
    if (head === undefined) {
      throw new LedgerError('NOT_FOUND', `there is no ledger in ${dir}`, { dir });
    }
    this.#height = head.height;
    await this.#checkGenesis();
    const checker = new TransactionChecker({
      rebuilt: this.rebuilt,
      channel: this.#channel,
      readBlock: (number) => readBlock(reader, number),
      chaincodes: this.options.chaincodes,
      transientChaincodes: new Set(this.options.transientChaincodes),
      mspId: this.#nodeMspId,
    });
    try {
      for (let number = 1; number < head.height; number++) {
        const block = await this.#linkedBlock(number);
        if (block.config !== null) this.#lie(number, 'is a second genesis block');
        await this.#replay(block, checker);
        onProgress?.({ block: number, height: head.height });
        // Others wait on the same thread: timers, sockets, transactions of a ledger that goes on working.
        await turnOfOthers();
      }
    } finally {
      checker.close();
    }
    if (!Buffer.from(this.#previousHash).equals(head.hash)) {
      this.#lie(head.height - 1, 'is not the one that the ledger names as its last');
    }
    await this.#checkNothingBehind(head.height);
    await this.#checkState();
  }

  #nodeMspId = '';

  async #checkGenesis(): Promise<void> {
    const { config } = await this.#orLie(0, () => readBlock(this.options.reader, 0));
    if (config === null) return this.#lie(0, 'is not a genesis block');
    this.#channel = config.channel;
    this.#nodeCertificate = config.node.certificate;
    this.#nodeMspId = config.node.mspId;
    const nodeKey = await readNodeKey(this.options.dir);
    const certified = this.#certifiedKey();
    if (nodeKey !== undefined && !createPublicKey(nodeKey).equals(certified)) {
      this.#lie(0, 'names another key than the one that this node holds');
    }
    const genesis = await this.#linkedBlock(0);
    this.#genesisHash = Buffer.from(genesis.hash).toString('hex');
  }

  #certifiedKey(): ReturnType<typeof publicKeyOf> {
    try {
      return publicKeyOf(this.#nodeCertificate);
    } catch {
      return this.#lie(0, 'holds a certificate that can not be read');
    }
  }

  /** The block, when it is the one that its place in the chain asks for. */
  async #linkedBlock(number: number): Promise<Block> {
    const block = await this.#orLie(number, () => readBlock(this.options.reader, number));
    if (!Buffer.from(block.previousHash).equals(this.#previousHash)) {
      this.#lie(number, 'does not follow from the block before it');
    }
    if (!Buffer.from(block.actualDataHash).equals(block.dataHash)) {
      this.#lie(number, 'does not hold the transactions that its header names');
    }
    if (!verifyBytes(this.#certifiedKey(), headerBytes(block), block.signature)) {
      this.#lie(number, "is not signed with the node's key");
    }
    const hash = Buffer.from(block.hash).toString('hex');
    for (const expected of this.options.expect ?? []) {
      if (expected.block === number && expected.hash !== hash) {
        this.#lie(number, 'has another hash than the one that was noted');
      }
    }
    this.#previousHash = block.hash;
    return block;
  }

  async #replay(block: Block, checker: TransactionChecker): Promise<void> {
    const problem = await checker.check(block);
    if (problem !== undefined) {
      const { transactionId, message } = problem;
      throw new LieFound({
        block: block.number,
        transactionId,
        message: `block ${block.number}: ${message}`,
      });
    }
    const effects = block.transactions.flatMap(({ proposal, outcome, validation }, tx) =>
      validation === 'VALID' ? effectsOf(proposal.chaincode, outcome.writes, block.number, tx) : [],
    );
    const ids = block.transactions.map(({ id }) => id);
    await this.rebuilt.write([...placesOf(ids, block.number), ...effects], { durable: false });
    this.#transactions += block.transactions.length;
    for (const { validation, proposal } of block.transactions) {
      if (validation !== 'VALID') this.#conflicts++;
      else if (proposal.hasTransient) this.#notRunAgain++;
    }
  }

  async #checkNothingBehind(height: number): Promise<void> {
    const range = { from: blockKey(height), to: 'b0' };
    for await (const [key] of this.options.reader.entries(range)) {
      this.#lie(
        Number.parseInt(key.slice(2), 16),
        'lies behind the last one that the ledger names',
      );
    }
    const late = this.options.expect?.find(({ block }) => block >= height);
    if (late !== undefined) this.#lie(late.block, 'was noted and is not there');
  }

  async #checkState(): Promise<void> {
    const { reader } = this.options;
    const state = await compareStores(reader, this.rebuilt, ALL_STATE);
    const history = await compareStores(reader, this.rebuilt, ALL_HISTORY);
    this.#stateKeys = state.same;
    const places = await compareStores(reader, this.rebuilt, ALL_TRANSACTIONS);
    const difference = state.difference ?? history.difference ?? places.difference;
    if (difference !== undefined) throw new LieFound(difference);
  }

  async #orLie<T>(block: number, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (
        error instanceof LedgerError &&
        (error.code === 'CORRUPT' || error.code === 'NOT_FOUND')
      ) {
        throw new LieFound({ block, message: error.message });
      }
      throw error;
    }
  }

  #lie(block: number, what: string): never {
    throw new LieFound({ block, message: `block ${block} ${what}` });
  }

  #counts(): Omit<VerificationReport, 'ok' | 'lie'> {
    return {
      channel: this.#channel,
      height: this.#height,
      transactions: this.#transactions,
      conflicts: this.#conflicts,
      notRunAgain: this.#notRunAgain,
      stateKeys: this.#stateKeys,
      genesisHash: this.#genesisHash,
      headHash: Buffer.from(this.#previousHash).toString('hex'),
    };
  }
}
