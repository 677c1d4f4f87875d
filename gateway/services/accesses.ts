// Reading: no byte without an access on the ledger. Emergencies, where the ledger must not stand in the way; who looked;
// review and objection.

import { createHash } from 'node:crypto';
import type { Access, AccessOutcome, Page, Patient, Report } from '@prms/chaincode';
import { decideEmergency, holdsEpoch } from '@prms/chaincode/rules';
import { z } from 'zod';
import type { RandomBytes } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { Documents, type Store } from '../store/index.js';
import type { MasterKey } from '../vault/index.js';
import { unsealerOf, type Actor, type Unsealer } from './actor.js';
import { foresee, standingOf, type Wish } from './facts.js';
import type { HospitalKeys } from './hospital-keys.js';
import type { Outbox } from './outbox.js';
import type { Accepted, AppliedReceipt, PageRequest, Records } from './records.js';
import type { Label, SealedReports } from './reports/index.js';
import type { Tickets } from './tickets.js';
import type { Vaults } from './vaults.js';

export interface OpenRequest extends Wish {
  /** Uploads are not asked for: the ledger decides them as they come. */
  readonly action: Exclude<Wish['action'], 'upload'>;
  readonly emergency?: string | undefined;
}

export interface Opened {
  /** Missing when the ledger has not answered in an emergency. */
  readonly receipt?: AppliedReceipt;
  readonly access: string;
  readonly ticket: string;
  readonly expiresAt: number;
  readonly label: Label;
  readonly anchoredLate?: true;
}

export interface Content {
  readonly label: Label;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  read(): Promise<Uint8Array>;
}

/** An access as its patient sees it. */
export type ShownAccess = Access & { readonly anchoredLate?: true; readonly damaged?: true };

const reasonSchema = z.strictObject({ salt: z.string(), sealed: z.string() });

export class Accesses {
  readonly #reasons: Documents<z.infer<typeof reasonSchema>>;
  readonly #damaged: Documents<true>;
  /** Emergencies of which the ledger does not know yet. */
  readonly #unanchored = new Map<string, Access>();

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly outbox: Outbox;
      readonly vaults: Vaults;
      readonly hospitalKeys: HospitalKeys;
      readonly sealed: SealedReports;
      readonly tickets: Tickets;
      readonly store: Store;
      readonly master: MasterKey;
      readonly random: RandomBytes;
      readonly emergencyCommitWaitMs: number;
      readonly emergencyWindowMs: number;
      readonly onOutcome?: (outcome: AccessOutcome) => void;
    },
  ) {
    this.#reasons = new Documents(parts.store, 'emergency-reasons', reasonSchema);
    this.#damaged = new Documents(parts.store, 'damaged-reads', z.literal(true));
  }

  /**
   * Asks for a report: the request and its outcome go on the ledger; a permit opens it and gives a ticket.
   * @throws GatewayError REFUSED with the reason | REPORT_DAMAGED | GONE | …
   */
  async open(
    actor: Actor,
    patientId: string,
    reportId: string,
    request: OpenRequest,
  ): Promise<Opened> {
    const { records, sealed, tickets } = this.parts;
    const patient = await records.patient(patientId);
    const { action, purpose, actingFor, emergency } = request;
    const args = {
      patient: patientId,
      report: reportId,
      action,
      purpose,
      ...(actingFor !== undefined && { actingFor }),
      ...(emergency !== undefined && { emergency }),
    };
    const accepted = await records.send(actor, 'access:request', args, patientId);
    const answer =
      emergency === undefined
        ? await this.#settled(accepted)
        : await this.#settledOrLate(accepted, () =>
            this.#foresee(actor, patient, reportId, request),
          );
    this.parts.onOutcome?.(answer.outcome);
    if (answer.outcome.decision === 'refuse') throw refused(answer.outcome, accepted.id);

    const report = await records.report(patientId, reportId);
    const dataKey = await this.#dataKey(actor, patient, report, request, answer.outcome);
    const label = await this.#watched(accepted.id, () => sealed.openLabel(report, dataKey));
    const issued = tickets.issue({
      sessionId: actor.sessionId,
      access: accepted.id,
      report,
      label,
      dataKey,
    });
    return {
      access: accepted.id,
      label,
      ...issued,
      ...(answer.receipt ? { receipt: answer.receipt } : { anchoredLate: true as const }),
    };
  }

  /** The bytes that a ticket is for. A range outside the report is an error. */
  content(
    actor: Actor,
    ticketId: string,
    range?: { readonly start: number; readonly end: number },
  ): Content {
    const { report, label, dataKey, access } = this.parts.tickets.take(ticketId, actor.sessionId);
    const { start, end } = range ?? { start: 0, end: label.bytes };
    if (range && (start >= end || start >= label.bytes)) {
      throw new GatewayError('RANGE', 'The report has no such bytes.', {
        ids: { report: report.id },
        limitBytes: label.bytes,
      });
    }
    const last = Math.min(end, label.bytes);
    return {
      label,
      start,
      end: last,
      read: () =>
        this.#watched(access, () => this.parts.sealed.open(report, dataKey, label, start, last)),
    };
  }

  /** A ticket's label, without reading: for the headers of an answer. */
  labelOf(actor: Actor, ticketId: string): Label {
    return this.parts.tickets.take(ticketId, actor.sessionId).label;
  }

  /** Who looked at this record. For the patient and those who act for them, and auditors. */
  async list(actor: Actor, patientId: string, page: PageRequest): Promise<Page<ShownAccess>> {
    const patient = await this.parts.records.patient(patientId);
    const guardian = patient.kin.some(
      (k) => k.relative === actor.userId && k.status === 'active' && k.rights.includes('guardian'),
    );
    if (actor.userId !== patientId && !guardian && actor.role !== 'auditor') {
      throw new GatewayError('FORBIDDEN', 'Only the patient sees who looked at their record.');
    }
    const { items, bookmark } = await this.parts.records.accesses(patientId, page);
    return { items: await Promise.all(items.map((access) => this.#marked(access))), bookmark };
  }

  /** Breaks the glass. @throws GatewayError REFUSED */
  async emergency(
    actor: Actor,
    patientId: string,
    { actingFor, reason }: { actingFor: string; reason: string },
  ): Promise<{ receipt?: AppliedReceipt; emergency: string; endsAt: number; anchoredLate?: true }> {
    const { records, random, master } = this.parts;
    const patient = await records.patient(patientId);
    const id = records.newId();
    const salt = Buffer.from(random(16)).toString('base64url');
    const sealedReason = Buffer.from(
      master.sealUnderMaster('emergency-reason', id, Buffer.from(reason, 'utf8')),
    ).toString('base64url');
    await this.#reasons.put(id, { salt, sealed: sealedReason }, { sync: true });
    const hash = createHash('sha256')
      .update(`PRMS-reason-v1\0${salt}\0${reason}`, 'utf8')
      .digest('base64url');
    const accepted = await records.send(
      actor,
      'access:emergency',
      { patient: patientId, actingFor, reason: hash },
      patientId,
      id,
    );
    const standing = await standingOf(records, actor, patient, actingFor);
    const answer = await this.#settledOrLate(accepted, () =>
      decideEmergency({ actingFor, now: accepted.issuedAt }, standing),
    );
    this.parts.onOutcome?.(answer.outcome);
    if (answer.outcome.decision === 'refuse') throw refused(answer.outcome, id);
    const endsAt = accepted.issuedAt + this.parts.emergencyWindowMs;
    if (answer.receipt) return { receipt: answer.receipt, emergency: id, endsAt };
    this.#remember(accepted, {
      patient: patientId,
      actor: actor.userId,
      actingFor,
      endsAt,
      outcome: answer.outcome,
    });
    return { emergency: id, endsAt, anchoredLate: true };
  }

  /** Emergencies in a hospital's name, with the stated reasons. */
  async emergenciesAt(
    actor: Actor,
    page: PageRequest,
  ): Promise<Page<ShownAccess & { readonly reasonText?: string }>> {
    const { items, bookmark } = await this.parts.records.emergencies(actor.userId, page);
    const shown = items.map(async (access) => {
      const reasonText = await this.#reasonText(access.id);
      return { ...(await this.#marked(access)), ...(reasonText !== undefined && { reasonText }) };
    });
    return { items: await Promise.all(shown), bookmark };
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
    const args = { patient, id, replaces, verdict, ...this.#noted(note) };
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
        { patient, id, replaces, ...this.#noted(note) },
        patient,
      ),
    };
  }

  // --- settling

  async #settled(
    accepted: Accepted,
  ): Promise<{ outcome: AccessOutcome; receipt?: AppliedReceipt }> {
    const receipt = await this.parts.records.settle(accepted);
    if (receipt.outcome) return { outcome: receipt.outcome, receipt };
    throw new GatewayError('INTERNAL', 'The ledger recorded an access without an outcome.', {
      ids: { access: accepted.id },
    });
  }

  /** In an emergency: the ledger's word if it comes in time, else our own reading of the same rules, anchored late. */
  async #settledOrLate(
    accepted: Accepted,
    foresee: () => AccessOutcome | Promise<AccessOutcome>,
  ): Promise<{ outcome: AccessOutcome; receipt?: AppliedReceipt }> {
    try {
      const receipt = await this.parts.records.settle(accepted, this.parts.emergencyCommitWaitMs);
      if (receipt.outcome) return { outcome: receipt.outcome, receipt };
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'REFUSED') throw error;
    }
    await this.parts.outbox.markLate(accepted.id);
    return { outcome: await foresee() };
  }

  async #foresee(
    actor: Actor,
    patient: Patient,
    reportId: string,
    request: OpenRequest,
  ): Promise<AccessOutcome> {
    const { records } = this.parts;
    const emergency =
      request.emergency === undefined
        ? null
        : (this.#unanchored.get(request.emergency) ??
          (await records.access(patient.id, request.emergency)));
    const standing = await standingOf(records, actor, patient, request.actingFor);
    return foresee(
      standing,
      await records.report(patient.id, reportId),
      request,
      records.now(),
      emergency,
    );
  }

  #remember(
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
    accepted.receipt.catch(() => undefined).finally(() => this.#unanchored.delete(accepted.id));
  }

  // --- keys

  /** The report's data key by the way that the permit names. */
  async #dataKey(
    actor: Actor,
    patient: Patient,
    report: Report,
    request: OpenRequest,
    outcome: AccessOutcome,
  ): Promise<Uint8Array> {
    const { vaults, hospitalKeys } = this.parts;
    if (outcome.decision === 'refuse') throw refused(outcome, report.id);
    if (outcome.basis === 'emergency') {
      if (patient.escrow !== request.actingFor || patient.escrow === null) {
        throw new GatewayError(
          'FORBIDDEN',
          'The patient has named another hospital for emergencies: ask there.',
          { ids: { hospital: patient.escrow ?? '' } },
        );
      }
      const epoch = await vaults.openEpoch(
        patient,
        await hospitalKeys.unsealer(patient.escrow),
        'escrow',
      );
      return vaults.dataKeyByEpoch(patient, report, epoch);
    }
    const consent = patient.consents.find((c) => c.id === outcome.by);
    const reader: Unsealer =
      consent?.terms.grantee.kind === 'hospital'
        ? await hospitalKeys.unsealer(consent.terms.grantee.id)
        : unsealerOf(actor);
    if (consent && !holdsEpoch(consent.terms)) return vaults.dataKeyByWrap(report, reader);
    return vaults.dataKeyByEpoch(patient, report, await vaults.openEpoch(patient, reader));
  }

  // --- marks

  /** A damaged report is an error that the patient can see beside the access. */
  async #watched<T>(access: string, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (
        error instanceof GatewayError &&
        (error.code === 'REPORT_DAMAGED' || error.code === 'WRAP_DAMAGED')
      ) {
        await this.#damaged.put(access, true, { sync: true });
      }
      throw error;
    }
  }

  async #marked(access: Access): Promise<ShownAccess> {
    const [fate, damaged] = await Promise.all([
      this.parts.outbox.fate(access.id),
      this.#damaged.get(access.id),
    ]);
    return {
      ...access,
      ...(fate?.late && { anchoredLate: true as const }),
      ...(damaged && { damaged: true as const }),
    };
  }

  async #reasonText(id: string): Promise<string | undefined> {
    const found = await this.#reasons.get(id);
    if (!found) return undefined;
    return Buffer.from(
      this.parts.master.openUnderMaster(
        'emergency-reason',
        id,
        Buffer.from(found.sealed, 'base64url'),
      ),
    ).toString('utf8');
  }

  /** A note's text is not for the ledger: its salted hash is. */
  #noted(note: string | undefined): { note?: string } {
    if (note === undefined) return {};
    const salt = Buffer.from(this.parts.random(16)).toString('base64url');
    return {
      note: createHash('sha256')
        .update(`PRMS-note-v1\0${salt}\0${note}`, 'utf8')
        .digest('base64url'),
    };
  }
}

function refused(
  outcome: Extract<AccessOutcome, { decision: 'refuse' }>,
  access: string,
): GatewayError {
  if (outcome.code === 'REPORT_ERASED')
    return new GatewayError('GONE', 'The report has been erased.', {
      reason: outcome.code,
      ids: { access },
    });
  if (outcome.code === 'NOT_FOUND')
    return new GatewayError('NOT_FOUND', 'There is no such report.', {
      reason: outcome.code,
      ids: { access },
    });
  return new GatewayError('REFUSED', `The request was refused and recorded: ${outcome.code}.`, {
    reason: outcome.code,
    ids: { access },
  });
}
