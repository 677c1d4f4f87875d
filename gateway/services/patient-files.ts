// A patient's file: what they said of themselves when they registered. It stays at their own gateway, sealed, and is
// shown to those who stand near them.

import type { Care, KinLink, Patient } from '@prms/chaincode';
import { activeKin, standsFor } from '@prms/chaincode/rules';
import { z } from 'zod';
import type { Accounts } from '../accounts/index.js';
import { GatewayError } from '../errors.js';
import type { Actor } from './actor.js';
import { footingOf } from './facts.js';
import type { Records } from './records.js';

/** What patients and relatives say of themselves. */
export const detailsSchema = z.strictObject({
  name: z.string().min(1).max(200),
  birthDate: z.iso.date().optional(),
  phone: z.string().max(50).optional(),
  address: z.string().max(400).optional(),
});
export type Details = z.infer<typeof detailsSchema>;

export interface PatientFile {
  readonly id: string;
  /** The hospital that can open the record in an emergency. */
  readonly escrow: string | null;
  /** The number of the present vault epoch. */
  readonly epoch: number;
  /** Missing for an auditor, and when the patient is at another gateway. */
  readonly details?: Details;
}

const profileSchema = z.looseObject({ details: detailsSchema });

export class PatientFiles {
  constructor(private readonly parts: { readonly records: Records; readonly accounts: Accounts }) {}

  /** What somebody said of themselves; undefined when their account is at another gateway. */
  async details(userId: string): Promise<Details | undefined> {
    try {
      return profileSchema.parse((await this.parts.accounts.get(userId)).profile).details;
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** @throws GatewayError FORBIDDEN for whoever has no relation to the patient, or one that is over */
  async get(actor: Actor, patientId: string): Promise<PatientFile> {
    const patient = await this.parts.records.patient(patientId);
    const { id, escrow, epoch } = patient;
    const file = { id, escrow, epoch: epoch.number };
    if (actor.role === 'auditor') return file;
    if (!(await this.#standsNear(actor, patient)))
      throw new GatewayError('FORBIDDEN', 'You have no relation to this patient.', {
        ids: { patient: id },
      });
    const details = await this.details(id);
    return details ? { ...file, details } : file;
  }

  /** Is it an approved care relation, of a doctor whom the hospital still stands by? */
  async inCare(actor: Actor, { status, doctor, hospital }: Care): Promise<boolean> {
    if (status !== 'approved' || ![doctor, hospital].includes(actor.userId)) return false;
    const footing = await footingOf(this.parts.records, actor, hospital);
    return standsFor(footing.actor, hospital, footing).permit;
  }

  isCurrent({ status, notAfter }: KinLink): boolean {
    return status === 'active' && this.parts.records.now() < (notAfter ?? Number.POSITIVE_INFINITY);
  }

  async #standsNear(actor: Actor, patient: Patient): Promise<boolean> {
    if (actor.userId === patient.id) return true;
    if (activeKin(patient, actor.userId, this.parts.records.now())) return true;
    for (const care of patient.care) if (await this.inCare(actor, care)) return true;
    return false;
  }
}
