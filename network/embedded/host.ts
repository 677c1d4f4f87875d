// Hosts one chaincode's contracts in this process, through the same router that a peer's chaincode container uses.
import { Contract, routerOf, type Router } from '@prms/chaincode/fabric';
import { LedgerError } from '../ledger.js';
import { type Outcome, type Proposal, transactionId } from './block.js';
import type { StateView } from './state.js';
import { type SimulatedReads, Stub } from './stub.js';

/** What a chaincode may know of its surroundings. */
export interface ChaincodeEnvironment {
  /** The endorser's clock, ms; when a block is run again to verify it, the transaction's own timestamp. */
  readonly now: () => number;
}

/** Makes a chaincode's contracts; called once a host. The first is the default one. */
export type ChaincodeFactory = (env: ChaincodeEnvironment) => Contract[];

export interface Simulated {
  readonly outcome: Outcome;
  readonly seen: SimulatedReads;
}

export class ChaincodeHost {
  readonly #router: Router;
  readonly #contracts: ReadonlyMap<string, Contract>;

  constructor(
    private readonly name: string,
    factory: ChaincodeFactory,
    env: ChaincodeEnvironment,
    private readonly mspId: string,
  ) {
    const contracts = factory(env);
    const [first] = contracts;
    if (first === undefined) {
      throw new LedgerError('INVALID', `chaincode ${name} has no contract`, { chaincode: name });
    }
    this.#contracts = new Map(contracts.map((contract) => [contract.getName(), contract]));
    this.#router = routerOf(contracts);
    // `@Default` is kept process-wide by Fabric's library: with several chaincodes it may name another's contract.
    if (!this.#contracts.has(this.#router.defaultContractName)) {
      this.#router.defaultContractName = first.getName();
    }
  }

  /** @throws LedgerError NOT_FOUND when no contract has the function. */
  mustKnow(fn: string): void {
    if (this.knows(fn)) return;
    const message = `chaincode ${this.name} has no function ${fn}`;
    throw new LedgerError('NOT_FOUND', message, { chaincode: this.name, fn });
  }

  knows(fn: string): boolean {
    const colon = fn.indexOf(':');
    const contractName = colon > 0 ? fn.slice(0, colon) : this.#router.defaultContractName;
    const transactions = this.#router.metadata.contracts[contractName]?.transactions;
    const known = transactions?.some(({ name }) => name === fn.slice(colon + 1)) === true;
    return known || this.#takesUnknown(contractName);
  }

  /**
   * Runs the proposal against the view.
   * @throws LedgerError CHAINCODE_FAILED with the chaincode's own words
   */
  async simulate(
    proposal: Proposal,
    transient: Readonly<Record<string, Uint8Array>>,
    view: StateView,
  ): Promise<Simulated> {
    const id = transactionId(proposal);
    const stub = new Stub(id, proposal, transient, view, this.mspId);
    let response;
    try {
      response = await this.#router.Invoke(stub);
    } finally {
      await stub.finish();
    }
    if (response.status >= 400) {
      throw new LedgerError(
        'CHAINCODE_FAILED',
        response.message ?? 'the chaincode gave no reason',
        {
          chaincode: this.name,
          fn: proposal.fn,
          transactionId: id,
        },
      );
    }
    const payload = Buffer.from(response.payload ?? []);
    return { outcome: stub.outcome(payload), seen: stub.seen() };
  }

  #takesUnknown(contractName: string): boolean {
    const contract = this.#contracts.get(contractName);
    return (
      contract !== undefined &&
      contract.unknownTransaction !== Contract.prototype.unknownTransaction
    );
  }
}
