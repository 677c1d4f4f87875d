// Consultations: texts stay at the doctor's hospital, sealed; the ledger holds the head of their hash chain, message by
// message, each anchor signed by who wrote it.

import type { Consultation, Page } from '@prms/chaincode';
import { actsForPatient } from '@prms/chaincode/rules';
import { z } from 'zod';
import { GatewayError } from '../errors.js';
import { KeyedLock, type Store } from '../store/index.js';
import type { MasterKey } from '../vault/index.js';
import type { Actor } from './actor.js';
import { anchoredMessages, chained, NO_HEAD, type Message } from './message-chain.js';
import type { AppliedReceipt, PageRequest, Records } from './records.js';

const messageSchema = z.strictObject({
  number: z.int(),
  sender: z.string(),
  at: z.int(),
  text: z.string(),
  head: z.string(),
});

const SPACE = 'messages';

export class Consultations {
  readonly #locks = new KeyedLock();

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly store: Store;
      readonly master: MasterKey;
    },
  ) {}

  async open(
    actor: Actor,
    wish: { patient: string; hospital: string },
  ): Promise<{ receipt: AppliedReceipt; id: string }> {
    const receipt = await this.parts.records.act(actor, 'consultation:open', wish, wish.patient);
    return { receipt, id: receipt.id };
  }

  async get(actor: Actor, patient: string, id: string): Promise<Consultation> {
    const consultation = await this.parts.records.consultation(patient, id);
    await this.#mustTakePart(actor, consultation);
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

  /** Anchors a message, then shows it. One order for everybody. */
  say(
    actor: Actor,
    patient: string,
    id: string,
    text: string,
  ): Promise<Message & { readonly receipt: AppliedReceipt }> {
    return this.#locks.run([id], async () => {
      const { records, store } = this.parts;
      const consultation = await this.get(actor, patient, id);
      if (consultation.status === 'closed')
        throw new GatewayError('CONFLICT', 'The consultation is closed.', {
          ids: { consultation: id },
        });
      const body = {
        number: consultation.count + 1,
        sender: actor.userId,
        at: records.now(),
        text,
      };
      const message: Message = { ...body, head: chained(consultation.head ?? NO_HEAD, body) };
      // Kept first, under its own head: an anchor without its text would break the chain for good.
      const key = keyOf(id, message);
      await store.commit([{ space: SPACE, key, value: this.#seal(id, message) }], { sync: true });
      const args = {
        patient,
        id,
        replaces: consultation.version,
        count: message.number,
        head: message.head,
      };
      const receipt = await records.act(actor, 'consultation:message', args, patient);
      return { ...message, receipt };
    });
  }

  /** Messages after a number, in order; only those whose head lies on the anchored chain. */
  async messages(
    actor: Actor,
    patient: string,
    id: string,
    after = 0,
  ): Promise<readonly Message[]> {
    const consultation = await this.get(actor, patient, id);
    const chain = await this.#chain(consultation);
    return chain.filter(({ number }) => number > after);
  }

  async close(actor: Actor, patient: string, id: string): Promise<{ receipt: AppliedReceipt }> {
    const { version } = await this.get(actor, patient, id);
    return {
      receipt: await this.parts.records.act(
        actor,
        'consultation:close',
        { patient, id, replaces: version },
        patient,
      ),
    };
  }

  /**
   * The messages that lead to the anchored head. What was kept and never anchored (a crash, a refusal) is not among them.
   * @throws GatewayError STORE_DAMAGED when the stored texts don't lead there
   */
  async #chain(consultation: Consultation): Promise<Message[]> {
    const stored: Message[] = [];
    for await (const { value } of this.parts.store.list(SPACE, { prefix: `${consultation.id}/` }))
      stored.push(this.#unseal(consultation.id, value));
    const chain = anchoredMessages(stored, consultation);
    if (chain) return chain;
    throw new GatewayError(
      'STORE_DAMAGED',
      'The stored messages are not those that were anchored.',
      { ids: { consultation: consultation.id } },
    );
  }

  async #mustTakePart(actor: Actor, { doctor, patient }: Consultation): Promise<void> {
    if (actor.userId === doctor || actor.userId === patient) return;
    const { records } = this.parts;
    const [document, user] = [await records.patient(patient), await records.user(actor.userId)];
    if (actsForPatient(document, user, 'guardian', records.now()).permit) return;
    throw new GatewayError(
      'FORBIDDEN',
      'Only the doctor and the patient take part in this consultation.',
    );
  }

  #seal(id: string, message: Message): Uint8Array {
    return this.parts.master.sealUnderMaster(
      'message',
      id,
      Buffer.from(JSON.stringify(message), 'utf8'),
    );
  }

  #unseal(id: string, sealed: Uint8Array): Message {
    return messageSchema.parse(
      JSON.parse(
        Buffer.from(this.parts.master.openUnderMaster('message', id, sealed)).toString('utf8'),
      ),
    );
  }
}

function keyOf(id: string, { number, head }: Message): string {
  return `${id}/${String(number).padStart(9, '0')}/${head}`;
}
