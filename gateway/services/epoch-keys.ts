// The public keys of a patient's vault epochs. The ledger's present state names the present one; earlier ones stand in its
// history, and once found are remembered here.

import type { Patient, User } from '@prms/chaincode';
import { z } from 'zod';
import { GatewayError } from '../errors.js';
import { Documents, type Store } from '../store/index.js';
import type { Records } from './records.js';

export class EpochKeys {
  /** `<patient>/<number>` */
  readonly #known: Documents<string>;

  constructor(
    private readonly records: Records,
    store: Store,
  ) {
    this.#known = new Documents(store, 'epoch-keys', z.string());
  }

  /** @throws GatewayError NOT_FOUND when the ledger's history does not show this epoch */
  async of(patient: Pick<Patient, 'id' | 'epoch'>, number: number): Promise<string> {
    if (number === patient.epoch.number) return patient.epoch.key;
    const key =
      (await this.#known.get(`${patient.id}/${number}`)) ?? (await this.#seek(patient, number));
    if (key !== undefined) return key;
    throw new GatewayError('NOT_FOUND', 'The ledger’s history does not show this epoch.', {
      ids: { patient: patient.id, epoch: number },
    });
  }

  /** Newest first, and whatever is passed on the way is remembered, too. */
  async #seek({ id }: Pick<Patient, 'id'>, number: number): Promise<string | undefined> {
    const states = this.records.all((page) => this.records.history('user', id, '', page));
    for await (const { document } of states) {
      // The chaincode's own documents, as they were.
      const state = document as User;
      if (state.role !== 'patient') return undefined;
      const { epoch } = state;
      await this.#known.update(`${id}/${epoch.number}`, (known) => known ?? epoch.key);
      if (epoch.number === number) return epoch.key;
    }
    return undefined;
  }
}
