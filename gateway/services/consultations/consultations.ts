// Consultations as the routes see them. They live at the gateway of the doctor's hospital: keys, messages and the waiting
// room are in its store, the ledger holds who met and the anchors of what was said.

import type { Consultation, Page } from '@prms/chaincode';
import { actsForPatient } from '@prms/chaincode/rules';
import { GatewayError, type GatewayErrorCode } from '../../errors.js';
import type { Log } from '../../logging.js';
import { wipe } from '../../vault/index.js';
import type { Actor } from '../actor.js';
import type { HospitalKeys } from '../hospital-keys.js';
import type { AppliedReceipt, PageRequest, Records } from '../records.js';
import type { Anchors } from './anchors.js';
import type { Entry, Shown } from './chain.js';
import type { Conversations, Wish } from './conversations.js';
import type { ConsultationKeys, KeyWrap } from './keys.js';
import type { Participants } from './participants.js';
import { lookAt, type Line, type RoomParts, type Rooms, type Seat } from './rooms.js';
import type { Transcript, Transcripts } from './transcripts.js';

export interface ConsultationParts extends Pick<RoomParts, 'accesses'> {
  readonly records: Records;
  readonly hospitalKeys: HospitalKeys;
  readonly keys: ConsultationKeys;
  readonly participants: Participants;
  readonly conversations: Conversations;
  readonly anchors: Anchors;
  readonly rooms: Rooms;
  readonly transcripts: Transcripts;
  readonly log: Log;
}

const UNAVAILABLE: ReadonlySet<GatewayErrorCode> = new Set(['ELSEWHERE', 'FORBIDDEN', 'NOT_FOUND']);

export class Consultations {
  constructor(private readonly parts: ConsultationParts) {}

  async open(
    actor: Actor,
    wish: { patient: string; hospital: string },
  ): Promise<{ receipt: AppliedReceipt; id: string }> {
    await this.parts.hospitalKeys.mustBeHere(wish.hospital);
    const receipt = await this.parts.records.act(actor, 'consultation:open', wish, wish.patient);
    return { receipt, id: receipt.id };
  }

  async get(actor: Actor, patient: string, id: string): Promise<Consultation> {
    const consultation = await this.parts.records.consultation(patient, id);
    await this.parts.participants.partOf(actor, consultation);
    return consultation;
  }

  mine(actor: Actor, page: PageRequest): Promise<Page<Consultation>> {
    const { records } = this.parts;
    return actor.role === 'doctor'
      ? records.consultationsOf(actor.userId, page)
      : records.consultations(actor.userId, page);
  }

  /** All of a patient's, for the patient and a guardian. @throws GatewayError FORBIDDEN */
  async of(actor: Actor, patientId: string, page: PageRequest): Promise<Page<Consultation>> {
    const { records } = this.parts;
    const [patient, user] = [await records.patient(patientId), await records.user(actor.userId)];
    if (actsForPatient(patient, user, 'guardian', records.now()).permit)
      return records.consultations(patientId, page);
    throw new GatewayError('FORBIDDEN', 'Only the patient or a guardian sees all consultations.', {
      ids: { patient: patientId },
    });
  }

  /** @returns whom the doctor has let in */
  async admit(actor: Actor, patient: string, id: string, user: string): Promise<string[]> {
    return this.parts.rooms.admit(actor, await this.#here(actor, patient, id), user);
  }

  async say(actor: Actor, patient: string, id: string, wish: Wish): Promise<Entry> {
    return this.parts.conversations.say(actor, await this.#here(actor, patient, id), wish);
  }

  /** Messages after a number, in order. */
  async messages(
    actor: Actor,
    patient: string,
    id: string,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): Promise<readonly Shown[]> {
    const consultation = await this.#here(actor, patient, id);
    return this.parts.conversations.read(actor, consultation, after, limit);
  }

  async look(
    actor: Actor,
    patient: string,
    id: string,
    wish: Parameters<typeof lookAt>[3],
  ): ReturnType<typeof lookAt> {
    return lookAt(this.parts, actor, await this.#here(actor, patient, id), wish);
  }

  async close(
    actor: Actor,
    patient: string,
    id: string,
    operation?: string,
  ): Promise<{ receipt: AppliedReceipt }> {
    const consultation = await this.#here(actor, patient, id);
    return { receipt: await this.parts.conversations.close(actor, consultation, operation) };
  }

  /** The key's commitment and the reader's wraps of it; `undefined` as long as there is none. */
  async key(
    actor: Actor,
    patient: string,
    id: string,
  ): Promise<{ commitment: string; wraps: KeyWrap[] }> {
    const { keys } = this.parts;
    await this.#here(actor, patient, id);
    const commitment = await keys.commitment(id);
    if (commitment !== undefined)
      return { commitment, wraps: await keys.wrapsFor(id, actor.userId) };
    throw new GatewayError('NOT_FOUND', 'The consultation has no key yet.', {
      ids: { consultation: id },
    });
  }

  async giveKey(
    actor: Actor,
    patient: string,
    id: string,
    key: { readonly commitment: string; readonly wraps: readonly KeyWrap[] },
  ): Promise<void> {
    const consultation = await this.#here(actor, patient, id);
    await this.parts.participants.mustBeIn(consultation, actor.userId);
    await this.parts.keys.adopt(actor, consultation, key);
  }

  async arrive(actor: Actor, patient: string, id: string): Promise<(line: Line) => Seat> {
    return this.parts.rooms.arrive(actor, await this.#here(actor, patient, id));
  }

  async transcript(actor: Actor, patient: string, id: string): Promise<Transcript> {
    const consultation = await this.#here(actor, patient, id);
    await this.parts.participants.mustBeIn(consultation, actor.userId);
    return this.parts.transcripts.make(actor, consultation);
  }

  /** The same for a patient's whole record; `undefined` when it is at another gateway, or not open to this reader now. */
  async transcriptIfHere(
    actor: Actor,
    { patient, id }: Pick<Consultation, 'patient' | 'id'>,
  ): Promise<Transcript | undefined> {
    try {
      return await this.transcript(actor, patient, id);
    } catch (error) {
      if (error instanceof GatewayError && UNAVAILABLE.has(error.code)) return undefined;
      throw error;
    }
  }

  /** Hands the keys of a patient's consultations on to whoever has come to be entitled: a guardian was named. */
  async handOn(actor: Actor, patient: string): Promise<void> {
    const { records, keys, log } = this.parts;
    try {
      for await (const consultation of records.all((page) =>
        records.consultations(patient, page),
      )) {
        if ((await keys.commitment(consultation.id)) !== undefined)
          wipe(await keys.unlock(actor, consultation));
      }
    } catch (error) {
      // The link stands; the key is handed on when somebody who has it is next there.
      log.warn('consultation.keys-not-handed-on', { userId: actor.userId, error });
    }
  }

  /** Anchors what has become quiet. Call it now and then. */
  sweep(): Promise<void> {
    return this.parts.anchors.sweep();
  }

  /** A consultation of the actor's that is kept at this gateway. @throws GatewayError ELSEWHERE | FORBIDDEN */
  async #here(actor: Actor, patient: string, id: string): Promise<Consultation> {
    const consultation = await this.get(actor, patient, id);
    await this.parts.hospitalKeys.mustBeHere(consultation.hospital);
    return consultation;
  }
}
