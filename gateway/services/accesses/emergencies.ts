// Breaking the glass, and what follows: the hospital's review, the patient's objection.

import type { AccessOutcome, Page } from '@prms/chaincode';
import { decideEmergency } from '@prms/chaincode/rules';
import type { Actor } from '../actor.js';
import { standingOf, type Standing } from '../facts.js';
import type { HospitalKeys } from '../hospital-keys.js';
import type { AppliedReceipt, PageRequest, Records } from '../records.js';
import type { AccessLog, ToldAccess } from './access-log.js';
import type { LateAnchor } from './late-anchor.js';
import { refused } from './refusal.js';
import type { SealedTexts } from './sealed-texts.js';

export class Emergencies {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly late: LateAnchor;
      readonly log: AccessLog;
      readonly hospitalKeys: HospitalKeys;
      readonly texts: SealedTexts;
      readonly emergencyWindowMs: number;
      readonly onOutcome?: (outcome: AccessOutcome) => void;
    },
  ) {}

  /**
   * Breaks the glass, at the gateway of the hospital that is acted for: there are its escrow keys, and there its office
   * reads the stated reason.
   * @throws GatewayError REFUSED | ELSEWHERE
   */
  async open(
    actor: Actor,
    patientId: string,
    { actingFor, reason }: { actingFor: string; reason: string },
  ): Promise<{ receipt?: AppliedReceipt; emergency: string; endsAt: number; anchoredLate?: true }> {
    const { records, texts, late } = this.parts;
    const patient = await records.patient(patientId);
    const standing = await standingOf(records, actor, patient, actingFor);
    await this.#mustBeServedHere(actingFor, standing);
    const id = records.newId();
    const hash = await texts.keep(reason);
    const accepted = await records.send(
      actor,
      'access:emergency',
      { patient: patientId, actingFor, reason: hash },
      patientId,
      id,
    );
    const answer = await late.settledOrLate(accepted, () =>
      decideEmergency({ actingFor, now: accepted.issuedAt }, standing),
    );
    this.parts.onOutcome?.(answer.outcome);
    if (answer.outcome.decision === 'refuse') throw refused(answer.outcome, id);
    const endsAt = accepted.issuedAt + this.parts.emergencyWindowMs;
    if (answer.receipt) return { receipt: answer.receipt, emergency: id, endsAt };
    late.remember(accepted, {
      patient: patientId,
      actor: actor.userId,
      actingFor,
      endsAt,
      outcome: answer.outcome,
    });
    return { emergency: id, endsAt, anchoredLate: true };
  }

  /** What the ledger would refuse, it refuses here as anywhere, for the record. */
  async #mustBeServedHere(actingFor: string, standing: Standing): Promise<void> {
    const { records, hospitalKeys } = this.parts;
    if (await hospitalKeys.has(actingFor)) return;
    const foreseen = decideEmergency({ actingFor, now: records.now() }, standing);
    if (foreseen.decision === 'permit') throw await hospitalKeys.elsewhere(actingFor);
  }

  /** Emergencies in a hospital's name, with the stated reasons. */
  async at(actor: Actor, page: PageRequest): Promise<Page<ToldAccess>> {
    const { items, bookmark } = await this.parts.records.emergencies(actor.userId, page);
    const told = items.map((access) => this.parts.log.told(access));
    return { items: await Promise.all(told), bookmark };
  }

  async review(
    actor: Actor,
    patient: string,
    id: string,
    {
      verdict,
      note,
      replaces,
    }: { verdict: 'justified' | 'unjustified'; note?: string | undefined; replaces: number },
  ): Promise<{ receipt: AppliedReceipt }> {
    const args = { patient, id, replaces, verdict, ...(await this.#noted(note)) };
    return { receipt: await this.parts.records.act(actor, 'access:review', args, patient) };
  }

  async object(
    actor: Actor,
    patient: string,
    id: string,
    { note, replaces }: { note?: string | undefined; replaces: number },
  ): Promise<{ receipt: AppliedReceipt }> {
    return {
      receipt: await this.parts.records.act(
        actor,
        'access:object',
        { patient, id, replaces, ...(await this.#noted(note)) },
        patient,
      ),
    };
  }

  async #noted(note: string | undefined): Promise<{ note?: string }> {
    return note === undefined ? {} : { note: await this.parts.texts.keep(note) };
  }
}
