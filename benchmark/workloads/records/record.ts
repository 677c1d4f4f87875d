// One patient's record as it will stand once everything that was sent has been applied. A patient's calls share a lane and
// never overtake each other, so versions are known before the answers are there.
import type { Person } from './people.js';
import { type Scene, SLOTS } from './scene.js';

/** Reports that accesses ask for: the latest. */
const KNOWN_REPORTS = 4;

export interface Appointment {
  readonly id: string;
  version: number;
  slot: number;
}

export class PatientRecord {
  readonly consultation: string;
  readonly hospitalConsent: string;
  readonly offer: string;
  /** Of the consultation. */
  version = 1;
  messages = 0;
  /** Entries of the policy document that the run has made, taken back or not. */
  entries = 0;
  readonly appointments: Appointment[] = [];
  readonly #consents: string[];
  readonly #reports: string[];
  readonly #freeSlots = Array.from({ length: SLOTS }, (_, slot) => slot);
  readonly #slotIds: (string | undefined)[] = [];

  constructor(
    private readonly scene: Scene,
    readonly patient: number,
    readonly person: Person,
  ) {
    this.consultation = scene.id(`consultation/${patient}`);
    this.hospitalConsent = scene.id(`hospital-consent/${patient}`);
    this.offer = scene.id(`offer/${patient}`);
    this.#consents = [scene.id(`doctor-consent/${patient}`)];
    this.#reports = [scene.id(`report/${patient}`)];
  }

  /** Consents that can be taken back. */
  get revocable(): number {
    return this.#consents.length;
  }

  get freeSlots(): number {
    return this.#freeSlots.length;
  }

  slotId(slot: number): string {
    return (this.#slotIds[slot] ??= this.scene.slotId(this.patient, slot));
  }

  /** One of the latest reports. @param part in [0, 1) */
  report(part: number): string {
    return this.#reports[Math.floor(part * this.#reports.length)] ?? '';
  }

  addReport(id: string): void {
    this.#reports.push(id);
    if (this.#reports.length > KNOWN_REPORTS) this.#reports.shift();
  }

  addConsent(id: string): void {
    this.#consents.push(id);
    this.entries++;
  }

  /** The oldest that can be. */
  takeConsent(): string {
    return this.#consents.shift() ?? '';
  }

  /** A free slot, which is so no more. */
  takeSlot(): number {
    return this.#freeSlots.shift() ?? 0;
  }

  freeSlot(slot: number): void {
    this.#freeSlots.push(slot);
  }

  /** One that is booked. */
  appointment(part: number): Appointment | undefined {
    return this.appointments[Math.floor(part * this.appointments.length)];
  }

  drop(appointment: Appointment): void {
    const { slot } = appointment;
    this.appointments.splice(this.appointments.indexOf(appointment), 1);
    this.freeSlot(slot);
  }
}
