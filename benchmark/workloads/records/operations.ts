// One operation of each kind, about one patient: one that the rules allow, or, when it is meant to be refused, one that
// breaks a rule of its kind. What is allowed changes the record; what is refused does not.
import type { ArgumentsOf } from '@prms/chaincode';
import { type Random, wholeBelow } from '../../stats/random.js';
import type { Person } from './people.js';
import type { PatientRecord } from './record.js';
import { type AnchoredReport, CLOUD, permitToView, reportTerms, type Scene } from './scene.js';
import { Digests, type Signer, type Stamp } from './signing.js';

/** What one patient's operations are made with. */
export interface Subject {
  readonly record: PatientRecord;
  readonly stamp: Stamp;
  /** Break a rule. */
  readonly refused: boolean;
}

type Access = Pick<ArgumentsOf<'access:request'>, 'action' | 'actingFor'>;

export class Operations {
  readonly #digests: Digests;
  /** Nobody is registered under it. */
  readonly #nobody: string;

  constructor(
    private readonly scene: Scene,
    private readonly signer: Signer,
    private readonly random: Random,
  ) {
    this.#digests = new Digests(random);
    this.#nobody = this.#digests.digest();
  }

  /**
   * Of ten requests to read, seven are by a doctor of the patient's hospital and two by the patient: permitted. One is by
   * a doctor of another hospital who wants a copy: applied, with the outcome that access is refused. The ledger refuses
   * to record only what names a patient whom it doesn't know.
   */
  access({ record, stamp, refused }: Subject): string {
    const report = record.report(this.random());
    const { by, ...access } = this.#reader(record);
    const patient = refused ? this.#nobody : record.person.id;
    const args = { patient, report, purpose: 'treatment' as const, ...access };
    return this.signer.line(by, 'access:request', args, stamp);
  }

  /** By the doctor in charge; refused: by a doctor in whose care the patient is not. */
  anchor({ record, stamp, refused }: Subject): (report: AnchoredReport) => string {
    const { cast, month } = this.scene;
    const doctor = refused ? this.#stranger(record) : cast.doctorOf(record.patient);
    const tag = this.#digests.tag();
    if (!refused) record.addReport(stamp.id);
    return (report) => {
      const args = {
        patient: record.person.id,
        actingFor: cast.hospitalOf(doctor).id,
        report: reportTerms(report, tag, month),
      };
      return this.signer.line(cast.doctor(doctor), 'report:anchor', args, stamp);
    };
  }

  /** What a report says of its place when no cloud is part of the load. */
  nowhere(): AnchoredReport {
    const object = () => ({
      cloud: CLOUD,
      object: this.#digests.digest(),
      sha256: this.#digests.digest(),
    });
    return { image: object(), label: object(), commitment: this.#digests.digest() };
  }

  /** By either side; refused: replaces another version than the present one. */
  message({ record, stamp, refused }: Subject): string {
    const { consultation: id, version, messages } = record;
    const another = version > 1 ? version - 1 : version + 1;
    const args = {
      patient: record.person.id,
      id,
      replaces: refused ? another : version,
      count: messages + 1,
      head: this.#digests.digest(),
    };
    if (!refused) {
      record.version++;
      record.messages++;
    }
    return this.signer.line(this.#eitherSide(record), 'consultation:message', args, stamp);
  }

  /** For a doctor elsewhere, to view one report; refused: the doctor in charge signs in the patient's stead. */
  grant({ record, stamp, refused }: Subject): string {
    const { cast } = this.scene;
    const grantee = cast.doctor(this.#stranger(record));
    const terms = permitToView(grantee.id, record.report(this.random()));
    if (!refused) record.addConsent(stamp.id);
    const by = refused ? cast.doctor(cast.doctorOf(record.patient)) : record.person;
    return this.signer.line(by, 'consent:grant', { patient: record.person.id, terms }, stamp);
  }

  /** Refused: takes the vault's key from the hospital, and brings no new one. */
  revoke({ record, stamp, refused }: Subject): string {
    const { person } = record;
    const id = refused ? record.hospitalConsent : record.takeConsent();
    return this.signer.line(
      person,
      'consent:revoke',
      { patient: person.id, id, replaces: 1 },
      stamp,
    );
  }

  /** Books, moves, cancels; refused: books a slot that is taken, or books in the patient's stead. */
  appointment({ record, stamp, refused }: Subject): string {
    const booked = record.appointment(this.random());
    const wish = this.random();
    if (refused) return this.#bookWrongly(record, stamp, booked?.slot);
    if (booked === undefined || (record.freeSlots > 0 && wish < 0.45))
      return this.#book(record, stamp);
    const change = { patient: record.person.id, id: booked.id, replaces: booked.version };
    const by = this.#eitherSide(record);
    if (record.freeSlots === 0 || wish < 0.75) {
      record.drop(booked);
      return this.signer.line(by, 'appointment:cancel', change, stamp);
    }
    const left = booked.slot;
    booked.slot = record.takeSlot();
    booked.version++;
    record.freeSlot(left);
    const args = { ...change, offer: record.offer, slot: record.slotId(booked.slot) };
    return this.signer.line(by, 'appointment:move', args, stamp);
  }

  #book(record: PatientRecord, stamp: Stamp): string {
    const slot = record.takeSlot();
    record.appointments.push({ id: stamp.id, version: 1, slot });
    const args = this.#booking(record, slot);
    return this.signer.line(record.person, 'appointment:book', args, stamp);
  }

  #bookWrongly(record: PatientRecord, stamp: Stamp, taken: number | undefined): string {
    const { cast } = this.scene;
    const by = taken === undefined ? cast.doctor(cast.doctorOf(record.patient)) : record.person;
    return this.signer.line(by, 'appointment:book', this.#booking(record, taken ?? 0), stamp);
  }

  #booking(record: PatientRecord, slot: number): ArgumentsOf<'appointment:book'> {
    const { cast } = this.scene;
    return {
      patient: record.person.id,
      doctor: cast.doctor(cast.doctorOf(record.patient)).id,
      offer: record.offer,
      slot: record.slotId(slot),
    };
  }

  #reader(record: PatientRecord): Access & { readonly by: Person } {
    const { cast } = this.scene;
    const wish = this.random();
    const turn = this.#turn();
    if (wish >= 0.7 && wish < 0.9) return { by: record.person, action: 'view' };
    const own = wish < 0.7;
    const doctor = own
      ? cast.colleagueOf(record.patient, turn)
      : cast.strangerOf(record.patient, turn);
    const actingFor = cast.hospitalOf(doctor).id;
    // No consent of the run lists copies: whatever else the stranger may view, this is not permitted.
    return { by: cast.doctor(doctor), action: own ? 'view' : 'download', actingFor };
  }

  #eitherSide({ patient, person }: PatientRecord): Person {
    const { cast } = this.scene;
    return this.random() < 0.5 ? person : cast.doctor(cast.doctorOf(patient));
  }

  #stranger({ patient }: PatientRecord): number {
    return this.scene.cast.strangerOf(patient, this.#turn());
  }

  #turn(): number {
    const { doctors, hospitals } = this.scene.cast.numbers;
    return wholeBelow(this.random, doctors / hospitals);
  }
}
