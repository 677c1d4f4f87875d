// Orders simulated transactions into blocks and commits them one after the other: validate, sign, one durable batch.
// While a block is on its way to the disk the next one fills; an idle committer cuts at once, so nobody waits on a timer.
import { LedgerError } from '../ledger.js';
import { encodeBlock, type Proposal, type Sealed, type ValidationCode } from './block.js';
import { blockKey, HEAD_KEY, historyKey, stateKey, transactionKey } from './keys.js';
import type { KeyWrite } from './read-write-set.js';
import { encodeVersioned } from './state.js';
import type { Store, StoreWrite } from './store.js';
import type { SimulatedReads } from './stub.js';
import type { RecentWrites } from './validation.js';

export interface Candidate {
  readonly id: string;
  readonly chaincode: Proposal['chaincode'];
  readonly sealed: Sealed;
  readonly seen: SimulatedReads;
  readonly writes: readonly KeyWrite[];
}

export interface Verdict {
  readonly blockNumber: number;
  readonly validation: ValidationCode;
  /** How long its block took to be made and written, once it was its turn. */
  readonly commitMs: number;
}

export interface Head {
  /** Number of blocks. */
  readonly height: number;
  readonly hash: Uint8Array;
}

export interface CommitterOptions {
  readonly store: Store;
  readonly recent: RecentWrites;
  readonly sign: (bytes: Uint8Array) => Uint8Array;
  readonly head: Head;
  readonly maxBlockTransactions: number;
  readonly maxBlockBytes: number;
  /** Called when a block is durable, before its transactions are answered. */
  readonly onCommitted: (head: Head) => void;
}

interface Waiting {
  readonly candidate: Candidate;
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: LedgerError) => void;
}

export function encodeHead(head: Head): Buffer {
  return Buffer.from(`${head.height} ${Buffer.from(head.hash).toString('hex')}`);
}

/** What a valid transaction does to the state and to its keys' history. */
export function effectsOf(
  chaincode: string,
  writes: readonly KeyWrite[],
  block: number,
  tx: number,
): StoreWrite[] {
  const effects: StoreWrite[] = [];
  for (const { key, value } of writes) {
    const at = stateKey(chaincode, key);
    if (value === null) effects.push({ type: 'del', key: at });
    else effects.push({ type: 'put', key: at, value: encodeVersioned({ block, tx }, value) });
    effects.push({ type: 'put', key: historyKey(chaincode, key, block, tx), value: NOTHING });
  }
  return effects;
}

const NOTHING = Buffer.alloc(0);

/** Where a block's transactions are found by their ids, valid or not. */
export function placesOf(ids: readonly string[], block: number): StoreWrite[] {
  const value = Buffer.from(String(block));
  return ids.map((id) => ({ type: 'put', key: transactionKey(id), value }));
}

export class Committer {
  #head: Head;
  #queue: Waiting[] = [];
  #running: Promise<void> | undefined;
  #failure: LedgerError | undefined;

  constructor(private readonly options: CommitterOptions) {
    this.#head = options.head;
  }

  /** Set once the disk has refused a block: what it holds is then not known, and nothing more is accepted. */
  get failure(): LedgerError | undefined {
    return this.#failure;
  }

  /** Resolves when the transaction is durable, valid or not. The caller bounds how many wait. */
  commit(candidate: Candidate): Promise<Verdict> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#queue.push({ candidate, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Waits until nothing is queued. */
  async drain(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // One turn of the loop, so that simulations which end together share a block.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const cut = this.#cut();
      const verdicts = await this.#commitBlock(cut);
      cut.forEach(({ resolve, reject }, at) => {
        const verdict = verdicts[at];
        if (verdict === undefined) reject(this.#failure ?? stopped());
        else resolve(verdict);
      });
    }
    this.#running = undefined;
  }

  #cut(): Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const { candidate } of this.#queue) {
      bytes += candidate.sealed.bytes.length;
      const full =
        count === this.options.maxBlockTransactions || bytes > this.options.maxBlockBytes;
      if (count > 0 && full) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  /** The transactions' verdicts, or none when the disk refused. */
  async #commitBlock(cut: readonly Waiting[]): Promise<readonly Verdict[]> {
    if (this.#failure !== undefined) return [];
    const blockNumber = this.#head.height;
    const beganMs = performance.now();
    try {
      const { verdicts, writes, head } = this.#assemble(cut, blockNumber);
      await this.options.store.write(writes, { durable: true });
      this.#head = head;
      this.options.onCommitted(head);
      const commitMs = performance.now() - beganMs;
      return verdicts.map((validation) => ({ blockNumber, validation, commitMs }));
    } catch (error) {
      this.#failure = stopped(error);
      return [];
    }
  }

  /** Validates in order and builds the block, with all that it does to the store. */
  #assemble(
    cut: readonly Waiting[],
    number: number,
  ): { verdicts: ValidationCode[]; writes: StoreWrite[]; head: Head } {
    const { recent, sign } = this.options;
    const ids = cut.map(({ candidate }) => candidate.id);
    const writes = placesOf(ids, number);
    const transactions = cut.map(({ candidate }, tx) => {
      const { chaincode, sealed, seen } = candidate;
      const validation = recent.validate(chaincode, seen);
      if (validation === 'VALID') {
        recent.note(chaincode, candidate.writes, { block: number, tx });
        writes.push(...effectsOf(chaincode, candidate.writes, number, tx));
      }
      return { sealed, validation };
    });
    const block = encodeBlock({ number, previousHash: this.#head.hash }, transactions, sign);
    const head = { height: number + 1, hash: block.hash };
    writes.push({ type: 'put', key: blockKey(number), value: block.bytes });
    writes.push({ type: 'put', key: HEAD_KEY, value: encodeHead(head) });
    return { verdicts: transactions.map(({ validation }) => validation), writes, head };
  }
}

function stopped(cause?: unknown): LedgerError {
  const message =
    'the disk refused a block: the ledger accepts nothing more until it is opened again (check space and permissions)';
  return new LedgerError('UNAVAILABLE', message, {}, { cause });
}
