// The hospital that may open a patient's record in an emergency: chosen, changed, or none.

import type { Patient } from '@prms/chaincode';
import { unsealerOf, type Actor } from './actor.js';
import type { Circle } from './circle.js';
import type { AppliedReceipt, Records } from './records.js';
import { recipientOf, type Vaults } from './vaults.js';

export class Escrow {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly vaults: Vaults;
      readonly circle: Circle;
    },
  ) {}

  /**
   * Names another hospital, or (null) opts out. Whoever could open the record until now loses the key with a new epoch.
   * @throws GatewayError REFUSED | NOT_FOUND
   */
  choose(actor: Actor, hospital: string | null): Promise<{ receipt: AppliedReceipt }> {
    const { records, circle } = this.parts;
    return circle.inStep(actor.userId, async (patient, vault) => {
      if (hospital !== null) await records.user(hospital);
      const leaves = patient.escrow !== null && patient.escrow !== hospital;
      const epoch = leaves ? await circle.renew(actor, patient, { escrow: true }) : undefined;
      if (hospital !== null) {
        const next = epoch === undefined ? patient : { ...patient, epoch };
        await this.#give(actor, next, hospital);
      }
      const args = { escrow: hospital, replaces: patient.version, vault, ...(epoch && { epoch }) };
      return { receipt: await records.act(actor, 'user:escrow', args, actor.userId) };
    });
  }

  async #give(
    actor: Actor,
    patient: Pick<Patient, 'id' | 'epoch'>,
    hospital: string,
  ): Promise<void> {
    const { records, vaults } = this.parts;
    const epoch = await vaults.openEpoch(patient, unsealerOf(actor));
    await vaults.giveEpoch(patient, epoch, recipientOf(await records.user(hospital)), 'escrow');
  }
}
