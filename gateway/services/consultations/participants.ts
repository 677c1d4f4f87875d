// Who takes part in a consultation, and the waiting room: the doctor lets in whoever has knocked. Whether somebody may be
// there at all is the ledger's rules' to say, each time anew; that they were let in is remembered here.

import type { Consultation, Role } from '@prms/chaincode';
import { actsForPatient, standsFor } from '@prms/chaincode/rules';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import { Documents, type Store } from '../../store/index.js';
import { footingOf } from '../facts.js';
import type { Records } from '../records.js';

export type Part = 'doctor' | 'patient' | 'guardian';

/** Somebody who is logged in. */
export interface Who {
  readonly userId: string;
  readonly role: Role;
}

const roomSchema = z.strictObject({
  admitted: z.array(z.string()),
  /** The operation that closes the consultation, from before it is sent until it is known what became of it. */
  closing: z.string().optional(),
});

export class Participants {
  readonly #rooms: Documents<z.infer<typeof roomSchema>>;

  constructor(
    private readonly records: Records,
    store: Store,
  ) {
    this.#rooms = new Documents(store, 'consultation-rooms', roomSchema);
  }

  /** What somebody is in a consultation, by the rules as they stand now. @throws GatewayError FORBIDDEN */
  async partOf(who: Who, consultation: Consultation): Promise<Part> {
    const { doctor, patient, hospital } = consultation;
    if (who.userId === doctor) {
      const footing = await footingOf(this.records, who, hospital);
      const standing = standsFor(footing.actor, hospital, footing);
      if (standing.permit) return 'doctor';
      throw new GatewayError('FORBIDDEN', 'The doctor does not act for this hospital any more.', {
        reason: standing.code,
        ids: { consultation: consultation.id },
      });
    }
    if (who.userId === patient) return 'patient';
    const [document, user] = [
      await this.records.patient(patient),
      await this.records.user(who.userId),
    ];
    if (actsForPatient(document, user, 'guardian', this.records.now()).permit) return 'guardian';
    throw new GatewayError(
      'FORBIDDEN',
      'Only the doctor, the patient and a guardian take part in this consultation.',
    );
  }

  async isAdmitted({ id, doctor }: Consultation, userId: string): Promise<boolean> {
    if (userId === doctor) return true;
    return (await this.#rooms.get(id))?.admitted.includes(userId) ?? false;
  }

  /** While it is open, whoever was not let in hears and says nothing; what is over may be read. @throws GatewayError FORBIDDEN */
  async mustBeIn(consultation: Consultation, userId: string): Promise<void> {
    if (consultation.status === 'closed' || (await this.isAdmitted(consultation, userId))) return;
    throw new GatewayError('FORBIDDEN', 'The doctor has not let you in yet.', {
      ids: { consultation: consultation.id },
    });
  }

  /**
   * @returns everybody who is let in
   * @throws GatewayError FORBIDDEN when this isn't the doctor, or the other has no business there
   */
  async admit(who: Who, consultation: Consultation, userId: string): Promise<string[]> {
    if ((await this.partOf(who, consultation)) !== 'doctor')
      throw new GatewayError('FORBIDDEN', 'The doctor lets people in.');
    const { role } = await this.records.user(userId);
    await this.partOf({ userId, role }, consultation);
    const room = await this.#rooms.update(
      consultation.id,
      (present) => ({
        ...present,
        admitted: [...new Set([...(present?.admitted ?? []), userId])],
      }),
      { sync: true },
    );
    return room?.admitted ?? [];
  }

  async closing(id: string): Promise<string | undefined> {
    return (await this.#rooms.get(id))?.closing;
  }

  async markClosing(id: string, operation: string | undefined): Promise<void> {
    await this.#rooms.update(
      id,
      (room) => ({ admitted: room?.admitted ?? [], ...(operation && { closing: operation }) }),
      { sync: true },
    );
  }
}
