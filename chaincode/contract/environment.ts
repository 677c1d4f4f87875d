// What a transaction of ours stands on: the world, the genesis document, and a clock that two endorsers can agree on.

import { ChaincodeError, MAX_SKEW_MS, type Genesis } from '../model/index.js';
import type { BatchContext } from '../operations/index.js';
import type { SignaturesAhead, SignatureVerifier } from '../signatures/index.js';
import { keys, World } from '../state/index.js';
import { Context } from '../fabric/index.js';

/** What the host of the chaincode gives it. */
export interface ChaincodeEnvironment {
  /** The endorser's clock, milliseconds; when a block is run again to verify it, the transaction's own timestamp. */
  readonly now: () => number;
}

/** Fabric's context, plus what every transaction of ours needs. */
export class RecordsContext extends Context {
  /** The sender's timestamp. Decides only whether an operation has expired; never enters state. */
  get nowMs(): number {
    const { seconds, nanos } = this.stub.getTxTimestamp();
    return Number(seconds) * 1000 + Math.floor(nanos / 1_000_000);
  }
}

export function refuseSkew(context: RecordsContext, environment: ChaincodeEnvironment): void {
  const skewMs = Math.abs(context.nowMs - environment.now());
  if (skewMs > MAX_SKEW_MS) {
    throw new ChaincodeError(
      'CLOCK_SKEW',
      `the transaction's time is ${skewMs} ms from this endorser's clock: set the clocks`,
      { skewMs },
    );
  }
}

export async function batchContext(
  context: RecordsContext,
  environment: ChaincodeEnvironment,
  verifier: SignatureVerifier,
  ahead?: SignaturesAhead,
): Promise<BatchContext> {
  refuseSkew(context, environment);
  const world = new World(context.stub);
  const genesis: Genesis | null = await world.get(keys.genesis);
  if (!genesis)
    throw new ChaincodeError(
      'NOT_INITIALISED',
      'this ledger has no genesis document: submit ledger:init first',
    );
  const batch = { world, genesis, nowMs: context.nowMs, verifier };
  return ahead ? { ...batch, ahead } : batch;
}
