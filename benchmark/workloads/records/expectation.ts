// What one patient's record must hold, going by the answers: operations in the ledger's order, folded by the rules of
// docs/operations.md, and nothing of this workload's own bookkeeping.
import { ARGUMENTS, type Envelope } from '@prms/chaincode';
import type { Answer } from '../../platforms/platform.js';
import { appointmentText, consultationText, type RecordOnLedger } from './world-state.js';

export class Expectation {
  readonly #made = { report: new Set<string>(), access: new Set<string>() };
  readonly #consents = new Map<string, 'active' | 'revoked'>();
  readonly #appointments = new Map<string, { status: 'booked' | 'cancelled'; slot: string }>();
  readonly #consultations = new Map<string, string>();
  /** What was refused, by what it would have made. */
  readonly #absent = new Map<string, string>();
  #any = false;

  /** Was anything applied? */
  get any(): boolean {
    return this.#any;
  }

  get consultations(): readonly string[] {
    return [...this.#consultations.keys()];
  }

  answered(envelope: Envelope, status: Answer['status']): void {
    const { id, type, args } = envelope;
    if (status === 'refused') {
      this.#absent.set(id, type);
      return;
    }
    this.#any = true;
    if (type === 'report:anchor') this.#made.report.add(id);
    if (type === 'access:request') this.#made.access.add(id);
    if (type === 'consent:grant') this.#consents.set(id, 'active');
    if (type === 'consent:revoke')
      this.#consents.set(ARGUMENTS['consent:revoke'].parse(args).id, 'revoked');
    if (type === 'consultation:message') {
      const message = ARGUMENTS['consultation:message'].parse(args);
      this.#consultations.set(message.id, consultationText(message.count, message.head));
    }
    this.#appointment(envelope);
  }

  /** The first thing that is not so, in words. */
  differsFrom(found: RecordOnLedger): string | undefined {
    for (const id of this.#made.report) if (!found.reports.has(id)) return missing('report', id);
    for (const id of this.#made.access) if (!found.accesses.has(id)) return missing('access', id);
    for (const [id, status] of this.#consents) {
      const there = found.consents.get(id);
      // What was taken back long ago is forgotten.
      if (there === undefined && status === 'active') return missing('consent', id);
      if (there !== undefined && there !== status) return otherwise('consent', id, status, there);
    }
    for (const [id, { status, slot }] of this.#appointments) {
      const [text, there] = [appointmentText(status, slot), found.appointments.get(id)];
      if (there === undefined) return missing('appointment', id);
      if (there !== text) return otherwise('appointment', id, text, there);
    }
    for (const [id, text] of this.#consultations) {
      const there = found.consultations.get(id);
      if (there !== text) return otherwise('consultation', id, text, there ?? 'nothing');
    }
    return this.#present(found);
  }

  #present(found: RecordOnLedger): string | undefined {
    const { reports, accesses, consents, appointments } = found;
    for (const [id, type] of this.#absent) {
      const there = reports.has(id) || accesses.has(id) || consents.has(id) || appointments.has(id);
      if (there) return `${type} ${id} was answered as refused, and is there`;
    }
    return undefined;
  }

  #appointment(envelope: Envelope): void {
    const { id, type, args } = envelope;
    if (type === 'appointment:book')
      this.#appointments.set(id, {
        status: 'booked',
        slot: ARGUMENTS['appointment:book'].parse(args).slot,
      });
    if (type === 'appointment:move') {
      const moved = ARGUMENTS['appointment:move'].parse(args);
      this.#appointments.set(moved.id, { status: 'booked', slot: moved.slot });
    }
    if (type === 'appointment:cancel') {
      const cancelled = ARGUMENTS['appointment:cancel'].parse(args).id;
      const slot = this.#appointments.get(cancelled)?.slot ?? '';
      this.#appointments.set(cancelled, { status: 'cancelled', slot });
    }
  }
}

const missing = (what: string, id: string): string =>
  `${what} ${id} was answered as applied, and is not there`;

const otherwise = (what: string, id: string, answered: string, there: string): string =>
  `${what} ${id} should be ${answered}, and is ${there}`;
