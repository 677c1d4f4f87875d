// Reading: no byte without an access on the ledger.

import type { AccessOutcome, Consent, Patient, Report } from '@prms/chaincode';
import { applies, holdsEpoch } from '@prms/chaincode/rules';
import { GatewayError } from '../../errors.js';
import { kidOfPrivate, signingEntry, unsealerOf, type Actor, type Unsealer } from '../actor.js';
import type { Wish } from '../facts.js';
import type { HospitalKeys } from '../hospital-keys.js';
import type { AppliedReceipt, Records } from '../records.js';
import type { ChunkDigests, Erasures, Label, SealedReports } from '../reports/index.js';
import type { Ticket, Tickets } from '../tickets.js';
import { commitmentKey } from '../../vault/index.js';
import type { Vaults } from '../vaults.js';
import type { AccessLog } from './access-log.js';
import type { LateAnchor } from './late-anchor.js';
import { refused } from './refusal.js';
import type { ReadWish, StandingAccesses } from './standing-accesses.js';

export interface OpenRequest extends ReadWish {
  /** Uploads are not asked for: the ledger decides them as they come. */
  readonly action: Exclude<Wish['action'], 'upload'>;
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
  read(): Promise<Uint8Array | AsyncIterable<Uint8Array>>;
}

export class Accesses {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly late: LateAnchor;
      readonly log: AccessLog;
      readonly vaults: Vaults;
      readonly hospitalKeys: HospitalKeys;
      readonly sealed: SealedReports;
      readonly tickets: Tickets;
      readonly erasures: Pick<Erasures, 'gone'>;
      readonly standing: StandingAccesses;
      readonly onOutcome?: (outcome: AccessOutcome) => void;
    },
  ) {}

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
    const { records, sealed, tickets, late, standing } = this.parts;
    const patient = await records.patient(patientId);
    await this.#mustBeServedHere(actor, patient, reportId, request);
    const { action, purpose, actingFor, emergency } = request;
    const args = {
      patient: patientId,
      report: reportId,
      action,
      purpose,
      ...(actingFor !== undefined && { actingFor }),
      ...(emergency !== undefined && { emergency }),
    };
    const accepted = await records.send(
      actor,
      'access:request',
      args,
      patientId,
      undefined,
      emergency,
    );
    const answer =
      emergency === undefined
        ? await late.settled(accepted)
        : await late.settledOrLate(accepted, () =>
            standing.foresee(actor, patient, reportId, request),
          );
    this.parts.onOutcome?.(answer.outcome);
    if (answer.outcome.decision === 'refuse') {
      if (answer.outcome.code !== 'REPORT_ERASED') throw refused(answer.outcome, accepted.id);
      throw await this.parts.erasures.gone(await records.report(patientId, reportId), accepted.id);
    }

    const report = await records.report(patientId, reportId);
    const dataKey = await this.parts.log.watched(accepted.id, () =>
      this.#dataKey(actor, patient, report, request, answer.outcome),
    );
    const label = await this.parts.log.watched(accepted.id, () =>
      sealed.openLabel(report, dataKey),
    );
    const permit = {
      access: accepted.id,
      reader: actor.userId,
      kid: kidOfPrivate(signingEntry(actor).privateKey),
      wish: request,
      report,
    };
    const { sessionId } = actor;
    const issued = tickets.issue({ sessionId, permit, label, dataKey }, accepted.issuedAt);
    return {
      access: accepted.id,
      label,
      ...issued,
      ...(answer.receipt ? { receipt: answer.receipt } : { anchoredLate: true as const }),
    };
  }

  /** The bytes that a ticket is for, as long as its access stands. A range outside the report is an error. */
  content(
    actor: Actor,
    ticketId: string,
    range?: { readonly start: number; readonly end: number },
  ): Content {
    const ticket = this.parts.tickets.take(ticketId, actor.sessionId);
    const { permit, label, dataKey } = ticket;
    const { report, access } = permit;
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
      read: async () => {
        const { log, sealed, standing } = this.parts;
        const opened = await log.watched(access, () =>
          standing.while(permit, () =>
            sealed.open(report, dataKey, label, start, last, () => this.#digests(ticket)),
          ),
        );
        if (opened instanceof Uint8Array) return opened;
        return log.watchedStream(access, standing.stream(permit, opened));
      },
    };
  }

  /**
   * Everything that a ticket is for, and the key that opens the report's commitment. The ticket ends with it.
   * @throws GatewayError REPORT_DAMAGED | CLOUD_UNAVAILABLE | NOT_FOUND; of a large report also while it is read
   */
  async copy(
    actor: Actor,
    ticketId: string,
  ): Promise<{ readonly commitmentKey: string; readonly content: AsyncIterable<Uint8Array> }> {
    const { tickets } = this.parts;
    try {
      const { dataKey } = tickets.take(ticketId, actor.sessionId);
      const key = Buffer.from(commitmentKey(dataKey)).toString('base64url');
      const read = await this.content(actor, ticketId).read();
      return { commitmentKey: key, content: endingWith(read, () => tickets.end(ticketId)) };
    } catch (error) {
      tickets.end(ticketId);
      throw error;
    }
  }

  /** A ticket's label, without reading: for the headers of an answer. */
  labelOf(actor: Actor, ticketId: string): Label {
    return this.parts.tickets.take(ticketId, actor.sessionId).label;
  }

  /**
   * What a hospital's keys have to open is served at its own gateway. Said before the ledger is asked: the patient must not
   * see an access as permitted of which nothing came.
   * @throws GatewayError ELSEWHERE
   */
  async #mustBeServedHere(
    actor: Actor,
    patient: Patient,
    reportId: string,
    request: OpenRequest,
  ): Promise<void> {
    const { hospitalKeys, records } = this.parts;
    if (request.actingFor === undefined || (await hospitalKeys.has(request.actingFor))) return;
    // Of a report that is not there, the ledger says so.
    const report = await records.report(patient.id, reportId).catch(() => undefined);
    if (!report) return;
    const outcome = await this.parts.standing.foresee(actor, patient, reportId, request);
    if (outcome.decision !== 'permit') return;
    const consent = await this.#openingConsent(actor, patient, report, request, outcome.by);
    if (outcome.basis === 'emergency' || consent?.terms.grantee.kind === 'hospital')
      throw await hospitalKeys.elsewhere(request.actingFor);
  }

  /**
   * The consent by whose keys a report opens: the one that the ledger names, or, when that is to a hospital at another
   * gateway, one to the reader themselves that allows the same.
   */
  async #openingConsent(
    actor: Actor,
    patient: Patient,
    report: Report,
    request: OpenRequest,
    by: string | undefined,
  ): Promise<Consent | undefined> {
    const { records, hospitalKeys } = this.parts;
    const named = patient.consents.find(({ id }) => id === by);
    const { grantee } = named?.terms ?? {};
    if (grantee?.kind !== 'hospital' || (await hospitalKeys.has(grantee.id))) return named;
    const asked = { ...request, now: records.now() };
    const own = patient.consents.find(
      (consent) =>
        consent.terms.effect === 'permit' &&
        consent.terms.grantee.kind === 'user' &&
        applies(consent, asked, actor.userId, report),
    );
    return own ?? named;
  }

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
      if (patient.escrow === null || patient.escrow !== request.actingFor) {
        throw new GatewayError(
          'FORBIDDEN',
          'The patient has named another hospital for emergencies: ask there.',
          { ids: { hospital: patient.escrow ?? '' } },
        );
      }
      const hospital = await hospitalKeys.unsealer(patient.escrow);
      return unwrapped(report, async () => {
        const epoch = await vaults.openEpoch(patient, hospital, 'escrow');
        return vaults.dataKeyByEpoch(patient, report, epoch);
      });
    }
    const consent = await this.#openingConsent(actor, patient, report, request, outcome.by);
    const reader: Unsealer =
      consent?.terms.grantee.kind === 'hospital'
        ? await hospitalKeys.unsealer(consent.terms.grantee.id)
        : unsealerOf(actor);
    return unwrapped(report, async () => {
      if (consent && !holdsEpoch(consent.terms)) return vaults.dataKeyByWrap(report, reader);
      return vaults.dataKeyByEpoch(patient, report, await vaults.openEpoch(patient, reader));
    });
  }

  /** A failed attempt is not remembered: the cloud may be back for the next. */
  #digests(ticket: Ticket): Promise<ChunkDigests> {
    ticket.digests ??= this.parts.sealed
      .digestChunks(ticket.permit.report)
      .catch((error: unknown) => {
        delete ticket.digests;
        throw error;
      });
    return ticket.digests;
  }
}

async function* endingWith(
  source: Uint8Array | AsyncIterable<Uint8Array>,
  end: () => void,
): AsyncIterable<Uint8Array> {
  try {
    if (source instanceof Uint8Array) yield source;
    else yield* source;
  } finally {
    end();
  }
}

/**
 * The ledger has permitted, so the wraps must be there: one that is missing or wrong on the way to a report's key is the
 * cloud's doing, and the error names the report.
 */
async function unwrapped<T>(report: Report, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    const damaged =
      error instanceof GatewayError &&
      (error.code === 'WRAP_DAMAGED' || error.code === 'NOT_FOUND');
    if (!damaged) throw error;
    throw new GatewayError('WRAP_DAMAGED', error.message, {
      ids: { ...error.ids, report: report.id },
      cause: error,
    });
  }
}
