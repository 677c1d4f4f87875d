// The ledger as the services see it: typed questions, and signed operations with their receipts.

import {
  operationBytes,
  instantOf,
  lifeMsOf,
  operationId,
  operationLine,
  RECORDS,
  REFUSALS,
  type Access,
  type Affiliation,
  type Appointment,
  type ArgumentsOf,
  type Care,
  type Consent,
  type Consultation,
  type Envelope,
  type Genesis,
  type KinLink,
  type Offer,
  type OperationType,
  type Page,
  type Patient,
  type Receipt,
  type Report,
  type Service,
  type User,
} from '@prms/chaincode';
import { LedgerError, type Ledger, type LedgerErrorCode } from '@prms/network';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, RandomBytes } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { kidOfPrivate, signBytes, signingEntry, type Actor } from './actor.js';
import { ledgerTrouble } from './ledger-trouble.js';
import { hasAftermath } from './aftermath.js';
import type { FollowUp, Outbox } from './outbox.js';

/** A receipt that says yes. */
export type AppliedReceipt = Extract<Receipt, { status: 'applied' }>;

export interface PageRequest {
  readonly limit?: number | undefined;
  readonly bookmark?: string | undefined;
}

/** An operation that is on disk at this gateway; its receipt may still take a while. */
export interface Accepted {
  readonly id: string;
  readonly issuedAt: number;
  readonly receipt: Promise<Receipt>;
}

/** Failures after which an accepted operation is still on its way. */
const KEPT: ReadonlySet<LedgerErrorCode> = new Set(['UNAVAILABLE', 'TIMEOUT', 'CLOSED']);

/** Documents of one state and the transaction that made it. */
export interface HistoryEntry {
  readonly transactionId: string;
  readonly committedAt: number;
  readonly document: unknown;
}

export class Records {
  constructor(
    private readonly parts: {
      readonly ledger: Ledger;
      readonly outbox: Outbox;
      readonly clock: Clock;
      readonly random: RandomBytes;
      readonly commitWaitMs: number;
      /** Items of a page whose length nobody names. */
      readonly pageItems: number;
    },
  ) {}

  get channel(): string {
    return this.parts.ledger.channel;
  }

  now(): number {
    return this.parts.clock.now();
  }

  /** An operation id that carries the present instant. */
  newId(issuedAt: number = this.now()): string {
    return operationId(issuedAt, this.parts.random(10));
  }

  /**
   * Signs an operation with the actor's key, commits it, and waits.
   * @param about the patient, or whatever else keeps operations in order
   * @throws GatewayError REFUSED with the ledger's code | COMMIT_TIMEOUT | BUSY | LEDGER_UNAVAILABLE
   */
  async act<T extends OperationType>(
    actor: Actor,
    type: T,
    args: ArgumentsOf<T>,
    about: string,
    id?: string,
  ): Promise<AppliedReceipt> {
    return this.settle(await this.send(actor, type, args, about, id));
  }

  /**
   * Signs an operation and puts it on its way; does not wait for the ledger.
   * @param after an operation that has to reach the ledger before this one
   */
  async send<T extends OperationType>(
    actor: Actor,
    type: T,
    args: ArgumentsOf<T>,
    about: string,
    id: string = this.newId(),
    after?: string,
  ): Promise<Accepted> {
    const issuedAt = instantOf(id);
    const envelope: Envelope = {
      v: 1,
      ledger: this.channel,
      type,
      actor: actor.userId,
      kid: kidOfPrivate(signingEntry(actor).privateKey),
      id,
      issuedAt,
      expiresAt: issuedAt + lifeMsOf(type, args, actor.role),
      args,
    };
    const bytes = operationBytes(envelope);
    const line = operationLine(bytes, signBytes(actor, bytes));
    const { receipt } = await this.parts.outbox.accept({
      id,
      actor: actor.userId,
      line,
      lane: about,
      after,
      followUp: followUpOf(type),
    });
    return { id, issuedAt, receipt };
  }

  /** Waits for a receipt as long as a client is made to wait. */
  async settle(
    { id, receipt }: Accepted,
    waitMs = this.parts.commitWaitMs,
  ): Promise<AppliedReceipt> {
    const stop = new AbortController();
    const late = sleep(waitMs, 'late' as const, { signal: stop.signal }).catch(
      () => 'late' as const,
    );
    const answer = await Promise.race([receipt, late])
      .catch((error: unknown) => {
        // Out of reach, or too busy: the operation is on disk here and is sent again, so the caller must not repeat it.
        if (error instanceof LedgerError && KEPT.has(error.code)) return 'late' as const;
        throw ledgerTrouble(error);
      })
      .finally(() => stop.abort());
    if (answer === 'late') {
      throw new GatewayError(
        'COMMIT_TIMEOUT',
        'The ledger has not answered yet. The operation is kept: ask for its fate.',
        { ids: { operation: id } },
      );
    }
    if (answer.status === 'applied') return answer;
    throw new GatewayError('REFUSED', REFUSALS[answer.code], {
      reason: answer.code,
      ids: { operation: id },
    });
  }

  user(id: string): Promise<User> {
    return this.#ask<User>('user', id);
  }

  async patient(id: string): Promise<Patient> {
    const user = await this.user(id);
    if (user.role === 'patient') return user;
    throw new GatewayError('NOT_FOUND', 'There is no patient of this id.', { ids: { user: id } });
  }

  users(role: string, page: PageRequest): Promise<Page<User>> {
    return this.#list<User>('users', role, page);
  }

  genesis(): Promise<Genesis> {
    return this.#ask<Genesis>('genesis');
  }

  consortium(): Promise<{ readonly hospitals: readonly string[] }> {
    return this.#ask('consortium');
  }

  report(patient: string, id: string): Promise<Report> {
    return this.#ask<Report>('report', patient, id);
  }

  reports(patient: string, page: PageRequest): Promise<Page<Report>> {
    return this.#list<Report>('reports', patient, page);
  }

  access(patient: string, id: string): Promise<Access> {
    return this.#ask<Access>('access', patient, id);
  }

  accesses(patient: string, page: PageRequest): Promise<Page<Access>> {
    return this.#list<Access>('accesses', patient, page);
  }

  emergencies(hospital: string, page: PageRequest): Promise<Page<Access>> {
    return this.#list<Access>('emergencies', hospital, page);
  }

  affiliation(hospital: string, doctor: string): Promise<Affiliation> {
    return this.#ask<Affiliation>('affiliation', hospital, doctor);
  }

  affiliations(hospital: string, page: PageRequest): Promise<Page<Affiliation>> {
    return this.#list<Affiliation>('affiliations', hospital, page);
  }

  /** A hospital's systems. */
  services(hospital: string, page: PageRequest): Promise<Page<Service>> {
    return this.#list<Service>('services', hospital, page);
  }

  hospitalsOf(doctor: string, page: PageRequest): Promise<Page<Affiliation>> {
    return this.#list<Affiliation>('hospitalsOf', doctor, page);
  }

  patientsOf(
    doctor: string,
    page: PageRequest,
  ): Promise<Page<{ readonly patient: string; readonly care: Care }>> {
    return this.#list('patientsOf', doctor, page);
  }

  kinOf(
    relative: string,
    page: PageRequest,
  ): Promise<Page<{ readonly patient: string; readonly link: KinLink }>> {
    return this.#list('kinOf', relative, page);
  }

  grants(
    grantee: string,
    page: PageRequest,
  ): Promise<Page<{ readonly patient: string; readonly consent: Consent }>> {
    return this.#list('grants', grantee, page);
  }

  offers(doctor: string, page: PageRequest): Promise<Page<Offer>> {
    return this.#list<Offer>('offers', doctor, page);
  }

  appointment(patient: string, id: string): Promise<Appointment> {
    return this.#ask<Appointment>('appointment', patient, id);
  }

  appointments(patient: string, page: PageRequest): Promise<Page<Appointment>> {
    return this.#list<Appointment>('appointments', patient, page);
  }

  appointmentsOf(doctor: string, page: PageRequest): Promise<Page<Appointment>> {
    return this.#list<Appointment>('appointmentsOf', doctor, page);
  }

  consultation(patient: string, id: string): Promise<Consultation> {
    return this.#ask<Consultation>('consultation', patient, id);
  }

  consultations(patient: string, page: PageRequest): Promise<Page<Consultation>> {
    return this.#list<Consultation>('consultations', patient, page);
  }

  consultationsOf(doctor: string, page: PageRequest): Promise<Page<Consultation>> {
    return this.#list<Consultation>('consultationsOf', doctor, page);
  }

  /** The states that a document has been in, newest first. */
  history(
    kind: string,
    patient: string,
    id: string,
    { limit = this.parts.pageItems, bookmark = '' }: PageRequest,
  ): Promise<Page<HistoryEntry>> {
    return this.#ask('history', kind, patient, id, String(limit), bookmark);
  }

  explain(question: Readonly<Record<string, string | number | undefined>>): Promise<unknown> {
    return this.#ask('explain', JSON.stringify(question));
  }

  /** Every page of a list, one after the other. */
  async *all<T>(page: (request: PageRequest) => Promise<Page<T>>): AsyncIterable<T> {
    for (let bookmark = ''; ;) {
      const { items, bookmark: next } = await page({ limit: 200, bookmark });
      yield* items;
      if (next === '') return;
      bookmark = next;
    }
  }

  #list<T>(
    fn: string,
    subject: string,
    { limit = this.parts.pageItems, bookmark = '' }: PageRequest,
  ): Promise<Page<T>> {
    return this.#ask<Page<T>>(fn, subject, String(limit), bookmark);
  }

  /** The chaincode's documents are what its own types say: it is this system's, and peers agree on every byte. */
  async #ask<T>(fn: string, ...args: string[]): Promise<T> {
    try {
      const bytes = await this.parts.ledger.evaluate(RECORDS, `query:${fn}`, args);
      return JSON.parse(Buffer.from(bytes).toString('utf8')) as T;
    } catch (error) {
      throw ledgerTrouble(error);
    }
  }
}

/** Who takes keys away waits for the receipt and goes on; nobody waits to end the sessions of whoever gets new keys. */
function followUpOf(type: OperationType): FollowUp | undefined {
  if (!hasAftermath(type)) return undefined;
  return type.startsWith('key:') ? 'now' : 'unless-done';
}
