// Waiting for the ledger's word on an access. In an emergency the ledger must not stand in the way: if no word comes in
// time, the operation is on disk here, our own reading of the same rules counts, and the access is marked as anchored late.

import type { Access, AccessOutcome } from '@prms/chaincode';
import { GatewayError } from '../../errors.js';
import type { Outbox } from '../outbox.js';
import type { Accepted, AppliedReceipt, Records } from '../records.js';

/** What was decided; without a receipt the ledger has not said so yet. */
export interface Settled {
  readonly outcome: AccessOutcome;
  readonly receipt?: AppliedReceipt;
}

export class LateAnchor {
  /** Emergencies of which the ledger does not know yet. */
  readonly #unanchored = new Map<string, Access>();

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly outbox: Outbox;
      readonly emergencyCommitWaitMs: number;
      readonly onLate?: () => void;
    },
  ) {}

  /** @throws GatewayError COMMIT_TIMEOUT | REFUSED | … */
  async settled(accepted: Accepted): Promise<Settled> {
    const receipt = await this.parts.records.settle(accepted);
    if (receipt.outcome) return { outcome: receipt.outcome, receipt };
    throw new GatewayError('INTERNAL', 'The ledger recorded an access without an outcome.', {
      ids: { access: accepted.id },
    });
  }

  /** In an emergency: the ledger's word if it comes in time, else our own reading of the same rules, anchored late. */
  async settledOrLate(
    accepted: Accepted,
    foresee: () => AccessOutcome | Promise<AccessOutcome>,
  ): Promise<Settled> {
    try {
      const receipt = await this.parts.records.settle(accepted, this.parts.emergencyCommitWaitMs);
      if (receipt.outcome) return { outcome: receipt.outcome, receipt };
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'REFUSED') throw error;
    }
    await this.parts.outbox.markLate(accepted.id);
    this.parts.onLate?.();
    return { outcome: await foresee() };
  }

  /** An emergency by its id, whether the ledger knows it or not yet: its word counts as soon as it has one. */
  async emergency(patient: string, id: string): Promise<Access> {
    const unanchored = this.#unanchored.get(id);
    try {
      const anchored = await this.parts.records.access(patient, id);
      this.#unanchored.delete(id);
      return anchored;
    } catch (error) {
      const unknown = error instanceof GatewayError && error.code === 'NOT_FOUND';
      if (unknown && unanchored?.patient === patient) return unanchored;
      throw error;
    }
  }

  remember(
    accepted: Accepted,
    facts: Pick<Access, 'patient' | 'actor' | 'outcome'> & { actingFor: string; endsAt: number },
  ): void {
    const marks = {
      version: 1,
      created: '',
      last: { id: accepted.id, hash: '', at: accepted.issuedAt },
    };
    this.#unanchored.set(accepted.id, {
      ...marks,
      ...facts,
      id: accepted.id,
      kind: 'emergency',
      issuedAt: accepted.issuedAt,
    });
    const now = this.parts.records.now();
    for (const [id, { endsAt }] of this.#unanchored)
      if ((endsAt ?? 0) <= now) this.#unanchored.delete(id);
  }
}
