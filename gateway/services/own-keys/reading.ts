// Reading with keys of one's own: the access is on the ledger, put there by its reader; then the gateway gives what opens
// the report, and its ciphertext. No byte without a committed access, as everywhere.

import { kidOf, type Access, type Patient, type Report, type User } from '@prms/chaincode';
import { holdsEpoch } from '@prms/chaincode/rules';
import type { PartKeys } from '@prms/stego';
import { GatewayError } from '../../errors.js';
import { refused, type AccessLog, type Permit, type StandingAccesses } from '../accesses/index.js';
import type { Actor, Unsealer } from '../actor.js';
import type { EpochKeys } from '../epoch-keys.js';
import type { HospitalKeys } from '../hospital-keys.js';
import type { Records } from '../records.js';
import { epochSubject, recipientOf, type Vaults } from '../vaults.js';
import { standingAt, type ClientWrap, type ClientWraps } from './client-wraps.js';
import type { Pieces, SealedBytes } from './sealed-bytes.js';

/** Everything but the ciphertext. */
export interface Opening {
  readonly report: Report;
  /** In the order in which they are opened: each opens the next, the last one holds the data key. */
  readonly wraps: readonly ClientWrap[];
  /** Sealed under the data key. */
  readonly label: Uint8Array;
  /** Until when the ciphertext can be fetched. */
  readonly expiresAt: number;
}

/** All that is stored of a report, and nothing that opens it but for its reader. */
export interface StoredReport extends Pick<Opening, 'wraps' | 'label'> {
  /** Of each part, its object as it lies in the cloud. */
  readonly parts: readonly AsyncIterable<Uint8Array>[];
}

/** A report that was asked for. */
export interface Asked {
  readonly patient: string;
  readonly report: string;
  /** Id of the `access:request` that the ledger has applied. */
  readonly access: string;
}

export interface Ciphertext extends Pieces {
  read(start: number, end: number): AsyncIterable<Uint8Array>;
}

export class OwnReads {
  /** Of chunked reports, by access: read through once, at its first use. */
  readonly #pieces = new Map<string, { readonly expiresAt: number; pieces: Promise<Pieces> }>();

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly vaults: Vaults;
      readonly wraps: ClientWraps;
      readonly epochKeys: EpochKeys;
      readonly hospitalKeys: HospitalKeys;
      readonly bytes: SealedBytes;
      readonly log: AccessLog;
      readonly standing: StandingAccesses;
      readonly lifeMs: number;
      /** Accesses of which the pieces are remembered. */
      readonly mostRemembered: number;
    },
  ) {}

  /** @throws GatewayError NOT_FOUND | REFUSED | GONE | WRAP_DAMAGED | REPORT_DAMAGED | CLOUD_UNAVAILABLE */
  async open(actor: Actor, asked: Asked): Promise<Opening> {
    const { access, permit, expiresAt } = await this.#permitted(actor, asked);
    const { report } = permit;
    const patient = await this.parts.records.patient(asked.patient);
    const { bytes } = this.parts;
    return this.#while(permit, async () => ({
      report,
      wraps: await this.#way(actor, patient, report, access),
      label: await bytes.label(report),
      expiresAt,
    }));
  }

  /** A hidden report's ciphertext, found with its part keys. @throws GatewayError as `open`, VALIDATION */
  async hidden(actor: Actor, asked: Asked, keys: readonly PartKeys[]): Promise<Uint8Array> {
    const { permit } = await this.#permitted(actor, asked);
    const { report } = permit;
    mustBeStored(report, 'stego');
    if (keys.length !== report.terms.parts.length) {
      const message = `must be ${report.terms.parts.length}, one pair a picture`;
      const fields = [{ path: 'body.parts', message }];
      throw new GatewayError('VALIDATION', `The part keys ${message}.`, { fields });
    }
    return this.#while(permit, () => this.parts.bytes.hidden(report, keys));
  }

  /** A chunked report's ciphertext. @throws GatewayError as `open` */
  async chunked(actor: Actor, asked: Asked): Promise<Ciphertext> {
    const { permit, expiresAt } = await this.#permitted(actor, asked);
    const { access, report } = permit;
    mustBeStored(report, 'encrypted');
    const { log, standing, bytes } = this.parts;
    const pieces = await this.#while(permit, () => this.#remembered(access, report, expiresAt));
    const range = (start: number, end: number) => bytes.range(report, pieces, { start, end });
    return {
      ...pieces,
      read: (start, end) => log.watchedStream(access, standing.stream(permit, range(start, end))),
    };
  }

  /**
   * One's own access to some report, as the ledger decided it, while it is good.
   * @throws GatewayError NOT_FOUND, also for one that is over
   */
  async decided(actor: Actor, patient: string, id: string): Promise<Access> {
    const { records } = this.parts;
    const access = await records.access(patient, id);
    const { expiresAt } = await this.#life(access);
    if (!isReadOf(actor, access) || records.now() >= expiresAt) throw unknownAccess(id);
    return access;
  }

  /**
   * What is stored of a report.
   * @param asOf when it was asked for: a whole record takes longer than an access is good
   * @throws GatewayError as `open`
   */
  async stored(actor: Actor, asked: Asked, asOf: number): Promise<StoredReport> {
    const { access, permit } = await this.#permitted(actor, asked, asOf);
    const { report } = permit;
    const patient = await this.parts.records.patient(asked.patient);
    return this.#while(permit, async () => ({
      wraps: await this.#way(actor, patient, report, access),
      label: await this.parts.bytes.label(report),
      parts: await this.#objects(permit),
    }));
  }

  async #objects({ access, ...permit }: Permit): Promise<AsyncIterable<Uint8Array>[]> {
    const { log, standing, bytes } = this.parts;
    const { report } = permit;
    if (report.terms.storage === 'stego') return (await bytes.images(report)).map(atOnce);
    const pieces = await bytes.pieces(report);
    const whole = bytes.range(report, pieces, { start: 0, end: pieces.sizeBytes });
    return [log.watchedStream(access, standing.stream({ access, ...permit }, whole))];
  }

  /**
   * The keys that a relative or the patient needs to give others access: the way to a report's key without reading it.
   * @throws GatewayError FORBIDDEN | NOT_FOUND
   */
  async wayToGive(actor: Actor, patientId: string, reportId: string): Promise<ClientWrap[]> {
    const { records } = this.parts;
    const patient = await records.patient(patientId);
    if (standingAt(actor, patient, records.now()) === 'none') {
      throw new GatewayError(
        'FORBIDDEN',
        'Ask for access: the way to its key comes with a permit.',
      );
    }
    const report = await records.report(patientId, reportId);
    if (report.status === 'erased') throw gone(report);
    return this.#byVault(actor.userId, patient, report);
  }

  #while<T>(permit: Permit, read: () => Promise<T>): Promise<T> {
    const { log, standing } = this.parts;
    return log.watched(permit.access, () => standing.while(permit, read));
  }

  /**
   * The access stands on the ledger, is this user's, for this report, was permitted, and a short time ago. Whether the
   * rule would still say so is asked when something is given.
   * @throws GatewayError NOT_FOUND | REFUSED | GONE
   */
  async #permitted(
    actor: Actor,
    asked: Asked,
    asOf = this.parts.records.now(),
  ): Promise<{ access: Access; permit: Permit; expiresAt: number }> {
    const { records } = this.parts;
    const access = await records.access(asked.patient, asked.access);
    // Somebody else's is as unknown as one that never was.
    if (!isReadOf(actor, access) || access.report !== asked.report)
      throw unknownAccess(asked.access);
    if (access.outcome.decision === 'refuse') throw refused(access.outcome, access.id);
    const { committedAt, expiresAt } = await this.#life(access);
    if (asOf >= expiresAt) throw unknownAccess(asked.access);
    const report = await records.report(asked.patient, asked.report);
    if (report.status === 'erased') throw gone(report);
    const { action, purpose, actingFor, emergency } = access;
    if (action === undefined || purpose === undefined) throw unknownAccess(access.id);
    const kid = await this.#kidAt(actor.userId, committedAt);
    const wish = { action, purpose, actingFor, emergency };
    const permit = { access: access.id, reader: actor.userId, kid, wish, report };
    return { access, permit, expiresAt };
  }

  async #life(access: Access): Promise<{ committedAt: number; expiresAt: number }> {
    const committedAt = await this.#committedAt(access);
    // A client may sign for an instant that is still to come.
    const expiresAt = Math.min(access.issuedAt, committedAt) + this.parts.lifeMs;
    return { committedAt, expiresAt };
  }

  /** When the ledger had it, by the clock of the gateway that sent it. */
  async #committedAt({ patient, id, issuedAt }: Access): Promise<number> {
    const { records } = this.parts;
    let first = issuedAt;
    const states = records.all((page) => records.history('access', patient, id, page));
    for await (const { committedAt } of states) first = committedAt;
    return first;
  }

  /** The key with which somebody signed at an instant. */
  async #kidAt(userId: string, at: number): Promise<string> {
    const { records } = this.parts;
    const states = records.all((page) => records.history('user', userId, '', page));
    for await (const { document, committedAt } of states)
      // The chaincode's own documents, as they were.
      if (committedAt <= at) return (document as User).kid;
    return '';
  }

  async #way(
    actor: Actor,
    patient: Patient,
    report: Report,
    { outcome, actingFor }: Access,
  ): Promise<ClientWrap[]> {
    if (outcome.decision === 'refuse') throw refused(outcome, report.id);
    if (outcome.basis === 'emergency') {
      if (patient.escrow === null || patient.escrow !== actingFor) {
        throw new GatewayError(
          'FORBIDDEN',
          'The patient has named another hospital for emergencies: ask there.',
          { ids: { hospital: patient.escrow ?? '' } },
        );
      }
      const key = await this.#byHospital(patient, report, patient.escrow, 'escrow');
      return [await this.#handOver(actor, report, key)];
    }
    const consent = patient.consents.find(({ id }) => id === outcome.by);
    if (consent?.terms.grantee.kind === 'hospital' && actingFor !== undefined) {
      const purpose = holdsEpoch(consent.terms) ? 'epoch' : 'report';
      const key = await this.#byHospital(patient, report, consent.terms.grantee.id, purpose);
      return [await this.#handOver(actor, report, key)];
    }
    if (consent && !holdsEpoch(consent.terms)) {
      return [
        await this.parts.wraps.ownOf(actor.userId, { purpose: 'report', subject: report.id }),
      ];
    }
    return this.#byVault(actor.userId, patient, report);
  }

  /** The present epoch's key, the links back to the report's epoch, and the data key wrapped for that one. */
  async #byVault(reader: string, patient: Patient, report: Report): Promise<ClientWrap[]> {
    const { wraps, epochKeys } = this.parts;
    const way = [await wraps.ownOf(reader, { purpose: 'epoch', subject: epochSubject(patient) })];
    for (let number = patient.epoch.number; number > report.terms.epoch; number--) {
      const subject = `${patient.id}.${number - 1}`;
      const opener = await epochKeys.of(patient, number);
      way.push(await this.#stored({ purpose: 'epoch', subject }, patient.id, opener));
    }
    const key = await epochKeys.of(patient, report.terms.epoch);
    way.push(await this.#stored({ purpose: 'report', subject: report.id }, patient.id, key));
    return way;
  }

  async #stored(
    what: Pick<ClientWrap, 'purpose' | 'subject'>,
    recipient: string,
    sealKey: string,
  ): Promise<ClientWrap> {
    const binding = { ...what, recipient, kid: kidOf(sealKey) };
    const wrapped = await this.parts.vaults.find(binding);
    if (wrapped) return { ...binding, wrapped };
    throw new GatewayError('WRAP_DAMAGED', 'A key on the way to this report is missing.', {
      ids: { subject: what.subject },
    });
  }

  /** What was wrapped for a hospital whose keys rest here, opened for a doctor of its. */
  async #byHospital(
    patient: Patient,
    report: Report,
    hospital: string,
    purpose: 'epoch' | 'escrow' | 'report',
  ): Promise<Uint8Array> {
    const { vaults, hospitalKeys } = this.parts;
    const reader: Unsealer = await hospitalKeys.unsealer(hospital);
    if (purpose === 'report') return vaults.dataKeyByWrap(report, reader);
    return vaults.dataKeyByEpoch(patient, report, await vaults.openEpoch(patient, reader, purpose));
  }

  async #handOver(actor: Actor, report: Report, dataKey: Uint8Array): Promise<ClientWrap> {
    const recipient = recipientOf(await this.parts.records.user(actor.userId));
    const what = { purpose: 'report', subject: report.id } as const;
    const { kid, wrapped } = await this.parts.vaults.handOver(what, recipient, dataKey);
    dataKey.fill(0);
    return { ...what, recipient: actor.userId, kid, wrapped };
  }

  /** A failed attempt is not remembered: the cloud may be back for the next. */
  #remembered(access: string, report: Report, expiresAt: number): Promise<Pieces> {
    const now = this.parts.records.now();
    for (const [id, entry] of this.#pieces) if (entry.expiresAt <= now) this.#pieces.delete(id);
    const known = this.#pieces.get(access);
    if (known) return known.pieces;
    const [oldest] = this.#pieces.keys();
    if (this.#pieces.size >= this.parts.mostRemembered && oldest !== undefined)
      this.#pieces.delete(oldest);
    const pieces = this.parts.bytes.pieces(report).catch((error: unknown) => {
      this.#pieces.delete(access);
      throw error;
    });
    this.#pieces.set(access, { expiresAt, pieces });
    return pieces;
  }
}

function mustBeStored(report: Report, storage: Report['terms']['storage']): void {
  if (report.terms.storage === storage) return;
  const how = report.terms.storage === 'stego' ? 'hidden in pictures' : 'encrypted in chunks';
  throw new GatewayError('CONFLICT', `This report is ${how}: ask for its ciphertext accordingly.`, {
    ids: { report: report.id },
  });
}

function isReadOf({ userId }: Actor, { kind, actor }: Access): boolean {
  return kind === 'read' && actor === userId;
}

async function* atOnce(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes);
}

function unknownAccess(access: string): GatewayError {
  return new GatewayError(
    'NOT_FOUND',
    'This is no access of yours to this report, or it is over: ask for access again.',
    { ids: { access } },
  );
}

function gone(report: Report): GatewayError {
  return new GatewayError('GONE', 'The report has been erased.', { ids: { report: report.id } });
}
