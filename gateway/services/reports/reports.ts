// The record as a list; and withdrawing a report.

import type { AccessOutcome, Page, Patient, Purpose, Report } from '@prms/chaincode';
import { activeKin } from '@prms/chaincode/rules';
import type { Copies, HealedCopy } from '../../clouds/index.js';
import { GatewayError } from '../../errors.js';
import { unsealerOf, type Actor } from '../actor.js';
import { foresee, hospitalOf, mustStandNear, standingOf, type Standing } from '../facts.js';
import type { AppliedReceipt, PageRequest, Records } from '../records.js';
import type { OpenEpoch, Vaults } from '../vaults.js';
import type { Erasures } from './erasures.js';
import type { Label, SealedReports } from './sealed-report.js';

/** A report as a list shows it. */
export interface ListedReport {
  readonly id: string;
  readonly author: string;
  readonly actingFor?: string;
  readonly month: string;
  readonly anchoredAt: number;
  readonly status: Report['status'];
  readonly storage: 'stego' | 'encrypted';
  readonly parts: number;
  readonly version: number;
  readonly supersedes?: string;
  readonly supersededBy?: string;
  /** What the ledger would say if this reader asked for it now. */
  readonly allowed: AccessOutcome;
  /** Title and kind: for the patient and guardians alone; others see them when they open the report, on the record. */
  readonly label?: Label;
  /** Copies in the clouds that were missing or bad, and have been made good from another one. */
  readonly healed?: HealedPart[];
}

/** A copy of a report that was made good. */
export type HealedPart = Pick<HealedCopy, 'cloud' | 'fault' | 'foundAt' | 'healedAt' | 'times'>;

export interface ListQuery extends PageRequest {
  readonly purpose?: Purpose | undefined;
  readonly actingFor?: string | undefined;
}

export class Reports {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly vaults: Vaults;
      readonly sealed: SealedReports;
      readonly copies: Copies;
      readonly erasures: Pick<Erasures, 'gone'>;
    },
  ) {}

  async list(actor: Actor, patientId: string, query: ListQuery): Promise<Page<ListedReport>> {
    const standing = await this.#near(actor, patientId, query);
    const { items, bookmark } = await this.parts.records.reports(patientId, query);
    return { items: await this.#shown(actor, standing, items, query), bookmark };
  }

  async get(actor: Actor, patientId: string, id: string, query: ListQuery): Promise<ListedReport> {
    const standing = await this.#near(actor, patientId, query);
    const report = await this.parts.records.report(patientId, id);
    const [shown] = await this.#shown(actor, standing, [report], query);
    if (shown) return shown;
    throw new GatewayError('NOT_FOUND', 'There is no such report.', { ids: { report: id } });
  }

  /** What the cloud sees. Shows nothing of the report: for the patient, and for relatives, as the encrypted view. */
  async stegoImage(actor: Actor, patientId: string, id: string, part: number): Promise<Uint8Array> {
    const patient = await this.parts.records.patient(patientId);
    const near =
      actor.userId === patientId || activeKin(patient, actor.userId, this.parts.records.now());
    if (!near)
      throw new GatewayError(
        'FORBIDDEN',
        'Only the patient and their relatives see the stored picture.',
      );
    const report = await this.parts.records.report(patientId, id);
    // A cloud that kept a copy may still offer it.
    if (report.status === 'erased') throw await this.parts.erasures.gone(report);
    const object = report.terms.parts[part];
    if (!object || report.terms.storage !== 'stego')
      throw new GatewayError('NOT_FOUND', 'This report has no such picture.', {
        ids: { report: id },
      });
    return this.parts.sealed.image(id, object);
  }

  async withdraw(
    actor: Actor,
    patient: string,
    id: string,
    replaces: number,
  ): Promise<{ receipt: AppliedReceipt }> {
    return {
      receipt: await this.parts.records.act(
        actor,
        'report:withdraw',
        { patient, id, replaces },
        patient,
      ),
    };
  }

  async #near(actor: Actor, patientId: string, { actingFor }: ListQuery): Promise<Standing> {
    const { records } = this.parts;
    const patient = await records.patient(patientId);
    const standing = await standingOf(records, actor, patient, actingFor);
    mustStandNear(patient, actor, records.now(), hospitalOf(standing, actingFor));
    return standing;
  }

  async #shown(
    actor: Actor,
    standing: Standing,
    reports: readonly Report[],
    query: ListQuery,
  ): Promise<ListedReport[]> {
    const { records } = this.parts;
    const now = records.now();
    const wish = {
      action: 'view',
      purpose: query.purpose ?? 'treatment',
      actingFor: query.actingFor,
    } as const;
    const { patient } = standing;
    const epoch = await this.#ownersEpoch(actor, patient);
    const shown: ListedReport[] = [];
    for (const report of reports) {
      const label =
        epoch && report.status !== 'erased' ? await this.#label(patient, report, epoch) : undefined;
      const {
        id,
        author,
        actingFor,
        anchoredAt,
        status,
        terms,
        version,
        supersedes,
        supersededBy,
      } = report;
      shown.push({
        id,
        author,
        month: terms.month,
        anchoredAt,
        status,
        storage: terms.storage,
        parts: terms.parts.length,
        version,
        allowed: foresee(standing, report, wish, now),
        ...(actingFor !== undefined && { actingFor }),
        ...(supersedes !== undefined && { supersedes }),
        ...(supersededBy !== undefined && { supersededBy }),
        ...(label && { label }),
        ...(await this.#healed(id)),
      });
    }
    return shown;
  }

  /** Whoever keeps their own keys opens the titles themselves. */
  async #healed(id: string): Promise<Pick<ListedReport, 'healed'>> {
    const healed = await this.parts.copies.notes.healedOf(id);
    const shown = healed.map(({ cloud, fault, foundAt, healedAt, times }) => ({
      ...{ cloud, fault, foundAt, healedAt, times },
    }));
    return shown.length > 0 ? { healed: shown } : {};
  }

  async #ownersEpoch(actor: Actor, patient: Patient): Promise<OpenEpoch | undefined> {
    if (actor.keys.elsewhere) return undefined;
    const guardian =
      activeKin(patient, actor.userId, this.parts.records.now())?.rights.includes('guardian') ===
      true;
    return actor.userId === patient.id || guardian
      ? this.parts.vaults.openEpoch(patient, unsealerOf(actor))
      : undefined;
  }

  /** A title that can't be read is left out: the list must show the report all the same. */
  async #label(patient: Patient, report: Report, epoch: OpenEpoch): Promise<Label | undefined> {
    try {
      return await this.parts.sealed.openLabel(
        report,
        await this.parts.vaults.dataKeyByEpoch(patient, report, epoch),
      );
    } catch (error) {
      if (error instanceof GatewayError) return undefined;
      throw error;
    }
  }
}
