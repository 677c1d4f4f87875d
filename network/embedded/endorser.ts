// The way of one transaction: proposal, simulation against a snapshot, signature, order, verdict.
import { randomBytes } from 'node:crypto';
import { type Committed, LedgerError, type SubmitOptions } from '../ledger.js';
import {
  encodeProposal,
  type Proposal,
  sealTransaction,
  transactionId,
  type ValidationCode,
} from './block.js';
import { Capacity } from './capacity.js';
import type { Committer } from './committer.js';
import { withDeadline } from './deadline.js';
import { type ChaincodeFactory, ChaincodeHost, type Simulated } from './host.js';
import { type Identity, signBytes } from './identity.js';
import { CHAINCODE_NAME, LIMITS } from './keys.js';
import type { Snapshots } from './snapshots.js';
import type { StateView } from './state.js';

/** What somebody asks of a chaincode. */
export interface Call {
  readonly chaincode: string;
  readonly fn: string;
  readonly args: readonly string[];
}

export interface EndorserOptions {
  readonly channel: string;
  readonly clock: () => number;
  readonly mspId: string;
  readonly chaincodes: Readonly<Record<string, ChaincodeFactory>>;
  readonly transientChaincodes: ReadonlySet<string>;
  readonly snapshots: Snapshots;
  readonly committer: Committer;
  readonly maxInFlight: number;
  readonly maxInFlightBytes: number;
  readonly maxQueries: number;
  readonly deadlineMs: number;
}

export class Endorser {
  readonly #hosts: ReadonlyMap<string, ChaincodeHost>;
  readonly #transactions: Capacity;
  readonly #queries: Capacity;

  constructor(private readonly options: EndorserOptions) {
    const { chaincodes, clock, mspId, maxInFlight, maxInFlightBytes, maxQueries } = options;
    this.#hosts = hostsOf(chaincodes, clock, mspId);
    this.#transactions = new Capacity('transactions', maxInFlight, maxInFlightBytes);
    this.#queries = new Capacity('queries', maxQueries, maxInFlightBytes);
  }

  get inFlight(): number {
    return this.#transactions.count;
  }

  async submit(
    identity: Identity,
    call: Call,
    { transient = {}, deadlineMs = this.options.deadlineMs }: SubmitOptions,
  ): Promise<Committed> {
    const { snapshots, committer } = this.options;
    if (committer.failure !== undefined) throw committer.failure;
    const host = this.#host(call);
    const hasTransient = Object.keys(transient).length > 0;
    if (hasTransient) this.#mustTakeTransient(call);
    const leave = this.#transactions.take(argumentBytes(call));
    const { view, release } = snapshots.borrow();
    const proposal = this.#propose(identity, call, hasTransient);
    const id = transactionId(proposal);
    let stage: 'simulating' | 'ordered' | 'given up' = 'simulating';
    // The place is held until the work itself ends, late or not: a chaincode that hangs must not pile up.
    const work = async (): Promise<Committed> => {
      try {
        const beganMs = performance.now();
        const simulated = await host.simulate(proposal, transient, view);
        const check = performance.now() - beganMs;
        if (stage === 'given up') throw new LedgerError('TIMEOUT', 'simulated too late', { id });
        stage = 'ordered';
        const ordered = await this.#order(identity, id, proposal, view, simulated);
        return { ...ordered, stagesMs: { check, ...ordered.stagesMs } };
      } finally {
        release();
        leave();
      }
    };
    return withDeadline(work(), deadlineMs, id, () => {
      if (stage === 'ordered') return;
      // What it saw need not be remembered for it any longer: it will not be ordered.
      stage = 'given up';
      release();
    });
  }

  async evaluate(identity: Identity, call: Call): Promise<Uint8Array> {
    const host = this.#host(call);
    const leave = this.#queries.take(argumentBytes(call));
    const { view, release } = this.options.snapshots.borrow();
    const proposal = this.#propose(identity, call, false);
    const work = host.simulate(proposal, {}, view).finally(() => {
      release();
      leave();
    });
    const id = transactionId(proposal);
    return (await withDeadline(work, this.options.deadlineMs, id, release)).outcome.response;
  }

  async #order(
    identity: Identity,
    id: string,
    proposal: Proposal,
    view: StateView,
    { outcome, seen }: Simulated,
  ): Promise<Committed> {
    const proposalBytes = encodeProposal(proposal);
    const signature = signBytes(identity.privateKey, proposalBytes);
    const simulatedHeight = view.height;
    const sealed = sealTransaction({ proposalBytes, signature, simulatedHeight, outcome });
    const { chaincode } = proposal;
    const { writes, response } = outcome;
    const beganMs = performance.now();
    const verdict = await this.options.committer.commit({ id, chaincode, sealed, seen, writes });
    const { validation, blockNumber, commitMs } = verdict;
    if (validation !== 'VALID') throw conflict(validation, id, blockNumber);
    const order = performance.now() - beganMs - commitMs;
    const stagesMs = { order, commit: commitMs };
    return { transactionId: id, blockNumber, result: response, stagesMs };
  }

  #propose(identity: Identity, call: Call, hasTransient: boolean): Proposal {
    const { mspId, certificate } = identity;
    return {
      ...call,
      channel: this.options.channel,
      timestampMs: this.options.clock(),
      nonce: randomBytes(24),
      creator: { mspId, certificate },
      hasTransient,
    };
  }

  #mustTakeTransient({ chaincode }: Call): void {
    if (this.options.transientChaincodes.has(chaincode)) return;
    const message = `chaincode ${chaincode} is not among those that may be given transient data`;
    throw new LedgerError('INVALID', message, { chaincode });
  }

  #host(call: Call): ChaincodeHost {
    const { chaincode, fn } = call;
    const host = this.#hosts.get(chaincode);
    if (host === undefined) {
      throw new LedgerError('NOT_FOUND', `there is no chaincode ${chaincode} here`, { chaincode });
    }
    host.mustKnow(fn);
    const bytes = argumentBytes(call);
    if (bytes > LIMITS.argumentBytes) {
      const message = `a transaction's arguments may take ${LIMITS.argumentBytes} bytes, not ${bytes}`;
      throw new LedgerError('INVALID', message, { chaincode, fn });
    }
    return host;
  }
}

function argumentBytes({ fn, args }: Call): number {
  return args.reduce((sum, arg) => sum + Buffer.byteLength(arg), fn.length);
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

function conflict(
  validation: Exclude<ValidationCode, 'VALID'>,
  transactionId: string,
  block: number,
): LedgerError {
  const isKey = validation === 'MVCC_READ_CONFLICT';
  const message = `a ${isKey ? 'key' : 'range'} that was read has changed meanwhile: submit again`;
  const code = isKey ? 'MVCC_CONFLICT' : 'PHANTOM_CONFLICT';
  return new LedgerError(code, message, { transactionId, block });
}
