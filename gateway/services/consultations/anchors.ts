// Anchoring a consultation's chain: not message by message, but when enough have come, when it has become quiet, and at
// the close. Whoever's turn it is signs: a participant whose keys are here, else one who is asked for a signature.

import { readOperationLine, type Consultation, type Envelope } from '@prms/chaincode';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import type { Log } from '../../logging.js';
import { KeyedLock } from '../../store/index.js';
import type { Actor } from '../actor.js';
import type { Outbox } from '../outbox.js';
import type { AppliedReceipt, Records } from '../records.js';
import type { Tail } from './chain.js';
import type { MessageLog } from './log.js';

export interface AnchorParts {
  readonly records: Records;
  readonly outbox: Outbox;
  readonly messages: MessageLog;
  readonly log: Log;
  readonly everyMessages: number;
  readonly quietMs: number;
}

/** The anchor that somebody is asked to sign: the arguments of a `consultation:message`. */
export type WantedAnchor = Tail & {
  readonly patient: string;
  readonly id: string;
  readonly replaces: number;
};

export interface AnchorWatcher {
  anchored(id: string, anchor: Tail & { readonly operation: string }): void;
  /** Nobody whose keys are here can sign. */
  wanted(anchor: WantedAnchor): void;
}

const anchorSchema = z.looseObject({
  patient: z.string(),
  count: z.int().min(1),
  head: z.string(),
});

export class Anchors {
  readonly #locks = new KeyedLock();
  /** Who was last there and could sign, by consultation with messages that are not anchored. */
  readonly #signers = new Map<string, { patient: string; readonly actors: Map<string, Actor> }>();
  #watcher: AnchorWatcher | undefined;

  constructor(private readonly parts: AnchorParts) {}

  watch(watcher: AnchorWatcher): void {
    this.#watcher = watcher;
  }

  /** No anchor of this consultation is under way while `work` runs. */
  alone<T>(id: string, work: () => Promise<T>): Promise<T> {
    return this.#locks.run([id], work);
  }

  /** Is there something to anchor now? `undefined` when all is anchored, or the ledger knows of more than is here. */
  async open({
    patient,
    id,
  }: Pick<Consultation, 'patient' | 'id'>): Promise<WantedAnchor | undefined> {
    const [{ status, count, version }, tail] = [
      await this.parts.records.consultation(patient, id),
      await this.parts.messages.tail(id),
    ];
    if (status === 'closed' || !tail || tail.count <= count) return undefined;
    return { patient, id, replaces: version, count: tail.count, head: tail.head };
  }

  /** Somebody is there: what is due is anchored by them, in the background. */
  look(actor: Actor, { patient, id, count }: Consultation): void {
    const known = this.#signers.get(id) ?? { patient, actors: new Map<string, Actor>() };
    known.actors.set(actor.userId, actor);
    this.#signers.set(id, known);
    void this.#dueSince(id, count).then((due) => (due ? this.#try(id, actor) : undefined));
  }

  /** Anchors what has been left unanchored where it has become quiet. Call it now and then. */
  async sweep(): Promise<void> {
    for (const [id, { actors }] of [...this.#signers]) {
      const tail = await this.parts.messages.tail(id);
      const isQuiet = tail && this.parts.records.now() - tail.at >= this.parts.quietMs;
      if (!tail) this.#signers.delete(id);
      else if (isQuiet) await this.#tryAll(id, [...actors.values()]);
    }
  }

  /**
   * Takes an anchor that a participant has signed elsewhere.
   * @throws GatewayError VALIDATION when it is another operation, or of another head than is here
   */
  async take(actor: Actor, id: string, line: string): Promise<AppliedReceipt> {
    const { envelope } = this.signedBy(actor, 'consultation:message', id, line);
    const args = anchorSchema.safeParse(envelope.args);
    const { patient = '', count = 0, head = '' } = args.data ?? {};
    const [entry] = count > 0 ? await this.parts.messages.read(id, count - 1, 1) : [];
    if (entry?.head !== head)
      throw new GatewayError('VALIDATION', 'The anchor is not of this chain of messages.');
    const receipt = await this.submit(envelope, line, patient);
    this.#watcher?.anchored(id, { count, head, operation: receipt.id });
    return receipt;
  }

  /** An operation about this consultation that its sender has signed elsewhere. @throws GatewayError VALIDATION */
  signedBy(actor: Actor, type: string, id: string, line: string) {
    const signed = readOperationLine(line);
    const fits =
      signed?.envelope.type === type &&
      signed.envelope.actor === actor.userId &&
      signed.envelope.args['id'] === id;
    if (signed && fits) return signed;
    throw new GatewayError('VALIDATION', `This is no ${type} of yours about this consultation.`);
  }

  /** Puts an operation on its way that was signed elsewhere, and waits for its receipt. */
  async submit(envelope: Envelope, line: string, lane: string): Promise<AppliedReceipt> {
    const { id, actor, issuedAt } = envelope;
    const { receipt } = await this.parts.outbox.accept({ id, actor, line, lane });
    return this.parts.records.settle({ id, issuedAt, receipt });
  }

  async #dueSince(id: string, anchored: number): Promise<boolean> {
    const tail = await this.parts.messages.tail(id);
    if (!tail || tail.count <= anchored) return false;
    const { everyMessages, quietMs, records } = this.parts;
    return tail.count - anchored >= everyMessages || records.now() - tail.at >= quietMs;
  }

  async #tryAll(id: string, actors: readonly Actor[]): Promise<void> {
    for (const actor of actors) if (await this.#try(id, actor)) return;
  }

  /** @returns whether nothing is left to do. A failure is no news: the next message, or the next sweep, tries again. */
  async #try(id: string, actor: Actor): Promise<boolean> {
    const patient = this.#signers.get(id)?.patient;
    if (patient === undefined) return true;
    try {
      await this.alone(id, () => this.#anchor(actor, patient, id));
      return true;
    } catch (error) {
      const code = error instanceof GatewayError ? error.code : 'INTERNAL';
      if (code === 'KEYS_ELSEWHERE') {
        const wanted = await this.open({ patient, id }).catch(() => undefined);
        if (wanted) this.#watcher?.wanted(wanted);
      } else if (code === 'KEYS_LOCKED') this.#signers.get(id)?.actors.delete(actor.userId);
      else this.parts.log.warn('consultation.not-anchored', { userId: actor.userId, code, error });
      return false;
    }
  }

  async #anchor(actor: Actor, patient: string, id: string): Promise<void> {
    const wanted = await this.open({ patient, id });
    if (!wanted) {
      this.#signers.delete(id);
      return;
    }
    const receipt = await this.parts.records.act(actor, 'consultation:message', wanted, patient);
    const { count, head } = wanted;
    this.#watcher?.anchored(id, { count, head, operation: receipt.id });
  }
}
