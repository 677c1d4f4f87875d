// Care relations: asked by the patient, decided by the doctor. Asking hands the hospital the key to the patient's
// categories, so that its doctors can file what they add; it opens nothing.

import type { Care } from '@prms/chaincode';
import type { Actor } from './actor.js';
import type { Circle } from './circle.js';
import type { Details, PatientFiles } from './patient-files.js';
import type { AppliedReceipt, PageRequest, Records } from './records.js';
import { recipientOf } from './vaults.js';

export interface CareOf {
  readonly patient: string;
  readonly care: Care;
  /** For the doctor, once the care is approved. */
  readonly details?: Details;
}

export class CareRelations {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly circle: Circle;
      readonly files: PatientFiles;
    },
  ) {}

  async request(
    actor: Actor,
    wish: { doctor: string; hospital: string },
  ): Promise<{ receipt: AppliedReceipt; id: string }> {
    const { records, circle } = this.parts;
    const patient = await records.patient(actor.userId);
    await circle.shareTags(actor, patient, recipientOf(await records.user(wish.hospital)));
    const receipt = await records.act(actor, 'care:request', wish, actor.userId);
    return { receipt, id: receipt.id };
  }

  async decide(
    actor: Actor,
    patient: string,
    id: string,
    decision: 'approve' | 'refuse' | 'end',
    replaces: number,
  ): Promise<{ receipt: AppliedReceipt }> {
    return {
      receipt: await this.parts.records.act(
        actor,
        `care:${decision}`,
        { patient, id, replaces },
        patient,
      ),
    };
  }

  /** A doctor's patients with their care entries, or a patient's own. */
  async mine(
    actor: Actor,
    page: PageRequest,
  ): Promise<{ items: readonly CareOf[]; bookmark: string }> {
    const { records, files } = this.parts;
    if (actor.role !== 'patient') {
      const { items, bookmark } = await records.patientsOf(actor.userId, page);
      const shown = items.map(async (item) => {
        const details =
          (await files.inCare(actor, item.care)) && (await files.details(item.patient));
        return details ? { ...item, details } : item;
      });
      return { items: await Promise.all(shown), bookmark };
    }
    const { care } = await records.patient(actor.userId);
    return { items: care.map((entry) => ({ patient: actor.userId, care: entry })), bookmark: '' };
  }
}
