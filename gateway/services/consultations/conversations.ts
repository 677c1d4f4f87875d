// What is said in consultations: in one order for all, on disk before it is acknowledged, each message once, anchored in
// time. Whether it comes over a WebSocket or by plain requests makes no difference here.

import type { Consultation } from '@prms/chaincode';
import { GatewayError } from '../../errors.js';
import type { RandomBytes } from '../../ambient.js';
import { KeyedLock } from '../../store/index.js';
import { MESSAGE_OVERHEAD_BYTES, wipe } from '../../vault/index.js';
import type { Actor } from '../actor.js';
import type { Outbox } from '../outbox.js';
import type { AppliedReceipt, Records } from '../records.js';
import type { Anchors } from './anchors.js';
import { firstHead, openText, sealText, type Draft, type Entry, type Shown } from './chain.js';
import type { ConsultationKeys } from './keys.js';
import type { MessageLog } from './log.js';
import { Pace } from './pace.js';
import type { Participants, Who } from './participants.js';

/** What somebody wants to say: a text, for the gateway to seal, or what they have sealed themselves. */
export type Wish = { readonly id: string } & (
  { readonly text: string } | { readonly sealed: string }
);

export interface ConversationWatcher {
  appended(id: string): void;
  closed(id: string): void;
  /** The key, where somebody is there who holds it at this gateway. */
  keyOf(id: string): Uint8Array | undefined;
}

export interface ConversationParts {
  readonly records: Records;
  readonly outbox: Outbox;
  readonly random: RandomBytes;
  readonly keys: ConsultationKeys;
  readonly messages: MessageLog;
  readonly participants: Participants;
  readonly anchors: Anchors;
  readonly maxCharacters: number;
  readonly messagesPerMinute: number;
}

export class Conversations {
  readonly #locks = new KeyedLock();
  readonly #pace: Pace;
  #watcher: ConversationWatcher | undefined;

  constructor(private readonly parts: ConversationParts) {
    this.#pace = new Pace(parts.messagesPerMinute, () => parts.records.now());
  }

  watch(watcher: ConversationWatcher): void {
    this.#watcher = watcher;
  }

  /**
   * Says something. The same again, under the same id, is answered with the message that it was.
   * @throws GatewayError FORBIDDEN | CONFLICT when it is closed, or the id is another message's | TOO_MANY | VALIDATION
   */
  async say(actor: Actor, consultation: Consultation, wish: Wish): Promise<Entry> {
    await this.parts.participants.partOf(actor, consultation);
    // Before anything is made of a key: whoever waits at the door chooses none.
    await this.parts.participants.mustBeIn(consultation, actor.userId);
    this.#pace.step(`${consultation.id}/${actor.userId}`);
    const { id } = wish;
    const draft = { kind: 'message', sender: actor.userId, id } as const;
    if ('sealed' in wish) {
      if (!actor.keys.elsewhere)
        throw new GatewayError(
          'FORBIDDEN',
          'Your keys are at the gateway, which seals what you say.',
        );
      const { sealed } = wish;
      this.#mustFit(sealed);
      this.#mustOpen(consultation, draft, sealed);
      const isSame = (entry: Entry) => entry.kind === 'message' && entry.sealed === sealed;
      return this.#append(actor, consultation, { ...draft, sealed }, isSame);
    }
    if (wish.text.length > this.parts.maxCharacters) throw tooLong(this.parts.maxCharacters);
    const { text } = wish;
    return this.#withKey(actor, consultation, (key) => {
      const place = this.#place(consultation, draft);
      const sealed = sealText(key, place, text, this.parts.random);
      const isSame = (entry: Entry) =>
        entry.kind === 'message' && openText(key, place, entry.sealed) === text;
      return this.#append(actor, consultation, { ...draft, sealed }, isSame);
    });
  }

  /** Notes that a report was shown, or looked at. */
  async note(
    actor: Actor,
    consultation: Consultation,
    event: Extract<Draft, { report: string }>,
  ): Promise<Entry> {
    this.#pace.step(`${consultation.id}/${actor.userId}`);
    // Events stand on the chain, which begins with the key's commitment.
    if (!actor.keys.elsewhere) wipe(await this.parts.keys.unlock(actor, consultation));
    return this.#append(
      actor,
      consultation,
      event,
      (entry) => entry.kind === event.kind && entry.report === event.report,
    );
  }

  /** Is this participant in, and can something be said? @throws GatewayError FORBIDDEN | CONFLICT */
  async mustBeOpenTo(who: Who, consultation: Consultation): Promise<void> {
    await this.parts.participants.partOf(who, consultation);
    if (consultation.status === 'closed' || (await this.#isClosing(consultation.id)))
      throw new GatewayError('CONFLICT', 'The consultation is closed.', {
        ids: { consultation: consultation.id },
      });
    await this.parts.participants.mustBeIn(consultation, who.userId);
  }

  /** Messages after a number, with their texts where the reader's keys are here. */
  async read(
    actor: Actor,
    consultation: Consultation,
    after: number,
    limit: number,
  ): Promise<Shown[]> {
    const { participants, messages, anchors } = this.parts;
    await participants.partOf(actor, consultation);
    await participants.mustBeIn(consultation, actor.userId);
    const tail = await messages.tail(consultation.id);
    if (after > (tail?.count ?? 0))
      throw new GatewayError('VALIDATION', 'There is no message of that number yet.', {
        fields: [{ path: 'after', message: `is at most ${tail?.count ?? 0}` }],
      });
    if (consultation.status === 'open') anchors.look(actor, consultation);
    const entries = await messages.read(consultation.id, after, limit);
    if (entries.length === 0 || actor.keys.elsewhere) return entries;
    return this.#withKey(actor, consultation, (key) =>
      Promise.resolve(entries.map((entry) => this.shown(consultation, entry, key))),
    );
  }

  shown({ id }: Pick<Consultation, 'id'>, entry: Entry, key: Uint8Array | undefined): Shown {
    if (entry.kind !== 'message' || !key) return entry;
    const text = openText(key, this.#place({ id }, entry), entry.sealed);
    // One participant's nonsense must not keep the others from what was said after it.
    return text === undefined ? { ...entry, unreadable: true } : { ...entry, text };
  }

  /**
   * Closes; what was said until now is anchored in the same operation.
   * @param line the operation, when its sender has signed it elsewhere
   */
  close(
    actor: Actor,
    { patient, id }: Pick<Consultation, 'patient' | 'id'>,
    line?: string,
  ): Promise<AppliedReceipt> {
    const { records, participants, anchors } = this.parts;
    return this.#locks.run([id], () =>
      anchors.alone(id, async () => {
        const consultation = await records.consultation(patient, id);
        await participants.partOf(actor, consultation);
        const wanted = await anchors.open(consultation);
        const anchor = wanted && { count: wanted.count, head: wanted.head };
        const signed =
          line === undefined ? undefined : anchors.signedBy(actor, 'consultation:close', id, line);
        if (signed && JSON.stringify(signed.envelope.args['anchor']) !== JSON.stringify(anchor))
          throw new GatewayError('CONFLICT', 'The close must anchor the last message.');
        const operation = signed?.envelope.id ?? records.newId();
        const args = { patient, id, replaces: consultation.version, ...(anchor && { anchor }) };
        // Remembered first: nothing may be said after it, not even while nobody knows what became of it.
        await participants.markClosing(id, operation);
        try {
          const receipt =
            signed && line !== undefined
              ? await anchors.submit(signed.envelope, line, patient)
              : await records.act(actor, 'consultation:close', args, patient, operation);
          this.#watcher?.closed(id);
          return receipt;
        } catch (error) {
          await this.#isClosing(id);
          throw error;
        }
      }),
    );
  }

  #append(
    actor: Actor,
    consultation: Consultation,
    draft: Draft,
    isSame: (entry: Entry) => boolean,
  ): Promise<Entry> {
    const { records, messages, anchors, keys } = this.parts;
    const { patient, id } = consultation;
    return this.#locks.run([id], async () => {
      const before = await messages.find(id, draft);
      if (before && isSame(before)) return before;
      if (before)
        throw new GatewayError('CONFLICT', 'Another message was sent under this id before.', {
          ids: { message: draft.id },
        });
      const present = await records.consultation(patient, id);
      await this.mustBeOpenTo(actor, present);
      const commitment = await keys.commitment(id);
      if (commitment === undefined)
        throw new GatewayError('CONFLICT', 'The consultation has no key yet: give it one first.', {
          ids: { consultation: id },
        });
      const entry = await messages.append(id, firstHead(id, commitment), draft);
      this.#watcher?.appended(id);
      anchors.look(actor, present);
      return entry;
    });
  }

  async #withKey<T>(
    actor: Actor,
    consultation: Consultation,
    work: (key: Uint8Array) => Promise<T>,
  ): Promise<T> {
    const key = await this.parts.keys.unlock(actor, consultation);
    try {
      return await work(key);
    } finally {
      wipe(key);
    }
  }

  /** An operation that closes is on its way, or has; one that was refused, or never sent, is forgotten. */
  async #isClosing(id: string): Promise<boolean> {
    const { participants, outbox } = this.parts;
    const operation = await participants.closing(id);
    if (operation === undefined) return false;
    const state = (await outbox.fate(operation))?.state;
    if (state === 'pending' || state === 'applied') return true;
    await participants.markClosing(id, undefined);
    return false;
  }

  #mustFit(sealed: string): void {
    const bytes = Buffer.from(sealed, 'base64url').length;
    // A character of UTF-16 has at most three bytes in UTF-8.
    const most = this.parts.maxCharacters * 3 + MESSAGE_OVERHEAD_BYTES;
    if (bytes > most) throw tooLong(this.parts.maxCharacters);
    if (bytes <= MESSAGE_OVERHEAD_BYTES)
      throw new GatewayError('VALIDATION', 'This is no sealed message: it is too short.');
  }

  /** While somebody here could read it, what nobody can read is not taken. */
  #mustOpen(consultation: Consultation, draft: Pick<Draft, 'sender' | 'id'>, sealed: string): void {
    const key = this.#watcher?.keyOf(consultation.id);
    if (!key || openText(key, this.#place(consultation, draft), sealed) !== undefined) return;
    throw new GatewayError('VALIDATION', 'This does not open with the consultation’s key.', {
      ids: { consultation: consultation.id },
    });
  }

  #place({ id }: Pick<Consultation, 'id'>, { sender, id: own }: Pick<Draft, 'sender' | 'id'>) {
    return { ledger: this.parts.records.channel, consultation: id, sender, id: own };
  }
}

function tooLong(characters: number): GatewayError {
  return new GatewayError('TOO_LARGE', `A message has at most ${characters} characters.`);
}
