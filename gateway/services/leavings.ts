// Somebody has left a patient's circle, or can read fewer reports: the wraps that were theirs go. From the ledger's present
// state, so that it may be done late, and again.

import type { Patient, Report, Scope } from '@prms/chaincode';
import { covers } from '@prms/chaincode/rules';
import type { Circle } from './circle.js';
import type { EpochKeys } from './epoch-keys.js';
import { everyKeyOf } from './past-keys.js';
import type { Records } from './records.js';
import type { Recipient, Vaults } from './vaults.js';

export class Leavings {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly vaults: Vaults;
      readonly circle: Circle;
      readonly epochKeys: EpochKeys;
    },
  ) {}

  /**
   * After a consent was revoked or changed.
   * @param next the epoch that began with it
   */
  consent(patientId: string, id: string, next: number | undefined): Promise<void> {
    return this.#alone(patientId, async (patient) => {
      const consent = patient.consents.find((each) => each.id === id);
      // Of one that is over and forgotten by now, nothing is left to say who it was for.
      if (!consent) return;
      const { grantee, scope, effect } = consent.terms;
      const keys = await everyKeyOf(this.parts.records, grantee.id);
      if (next !== undefined) await this.#takeVault(patient, grantee.id, keys, next - 1);
      const revoked = consent.status === 'revoked' && effect === 'permit';
      if (revoked && scope.kind === 'full') return;
      // What a changed consent covered before, its present terms do not say.
      const ended = revoked ? scope : EVERYTHING;
      await this.#takeReports(patient, grantee.id, keys, ended);
    });
  }

  /** After a relative's link was ended or changed. */
  kin(patientId: string, id: string, next: number | undefined): Promise<void> {
    return this.#alone(patientId, async (patient) => {
      const link = patient.kin.find((each) => each.id === id);
      if (!link) return;
      const keys = await everyKeyOf(this.parts.records, link.relative);
      // A relative who steps back begins no epoch.
      const last = next === undefined ? patient.epoch.number : next - 1;
      await this.#takeVault(patient, link.relative, keys, last);
    });
  }

  #alone(patientId: string, work: (patient: Patient) => Promise<void>): Promise<void> {
    const { circle, records } = this.parts;
    return circle.alone(patientId, async () => work(await records.patient(patientId)));
  }

  /** The keys of all epochs up to `last`: an earlier one opens what was added in its time. */
  async #takeVault(
    patient: Patient,
    who: string,
    keys: readonly Recipient[],
    last: number,
  ): Promise<void> {
    const { circle, epochKeys, vaults } = this.parts;
    if (circle.stays(patient, who, {})) return;
    for (let number = 1; number <= last; number++) {
      const epoch = { number, key: await epochKeys.of(patient, number) };
      for (const key of keys) await vaults.takeEpoch({ id: patient.id, epoch }, key);
    }
  }

  async #takeReports(
    patient: Patient,
    who: string,
    keys: readonly Recipient[],
    ended: Scope,
  ): Promise<void> {
    const { records, vaults } = this.parts;
    const given = patient.consents
      .filter(({ status, terms }) => status === 'active' && terms.effect === 'permit')
      .filter(({ terms }) => terms.grantee.id === who)
      .map(({ terms }) => terms.scope);
    const reports = records.all<Report>((page) => records.reports(patient.id, page));
    for await (const report of reports) {
      const still = given.some((scope) => covers(scope, report));
      if (still || !covers(ended, report)) continue;
      for (const key of keys) await vaults.takeReport(report.id, key);
    }
  }
}

const EVERYTHING: Scope = { kind: 'full' };
