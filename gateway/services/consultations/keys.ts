// The key of a consultation's messages: random, made by the first participant who comes with keys, wrapped for the doctor,
// the patient and the patient's guardians. Key and wraps rest in this gateway's store and nowhere else: a consultation
// lives at the doctor's hospital, and in the clouds whoever holds the vault's key would have the wraps at hand.
//
// What participants wrap elsewhere may be junk, and only its recipient can tell. So each maker's wraps have places of their
// own: nobody's stands in the way of another's, and a recipient whose keys are here has bad ones removed.

import { kidOf, type Consultation, type User } from '@prms/chaincode';
import { activeKin } from '@prms/chaincode/rules';
import { z } from 'zod';
import type { RandomBytes } from '../../ambient.js';
import { GatewayError } from '../../errors.js';
import type { Log } from '../../logging.js';
import { Documents, type Store, type StoreWrite } from '../../store/index.js';
import { decodePublicKey, unwrapKey, wipe, wrapKey, type WrapBinding } from '../../vault/index.js';
import { unsealerOf, type Actor } from '../actor.js';
import type { Records } from '../records.js';
import { commitToKey } from './chain.js';

const recordSchema = z.strictObject({ commitment: z.string() });
const wrapSchema = z.strictObject({ wrapped: z.string() });

/** The maker of the wraps that are made here, in place of a user's id. */
const HERE = 'here';

/** A wrap of the key for one of a user's keys. */
export interface KeyWrap {
  readonly recipient: string;
  readonly kid: string;
  /** base64url, docs/key-wraps.md. */
  readonly wrapped: string;
}

export class ConsultationKeys {
  readonly #records: Documents<z.infer<typeof recordSchema>>;
  readonly #wraps: Documents<z.infer<typeof wrapSchema>>;

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly store: Store;
      readonly random: RandomBytes;
      readonly log: Log;
    },
  ) {
    this.#records = new Documents(parts.store, 'consultation-keys', recordSchema);
    this.#wraps = new Documents(parts.store, 'consultation-wraps', wrapSchema);
  }

  /** What the chain begins with; `undefined` as long as there is no key. */
  async commitment(id: string): Promise<string | undefined> {
    return (await this.#records.get(id))?.commitment;
  }

  /**
   * The key, for a participant whose keys are here. Made when there is none; handed on to whoever has come to be entitled.
   * @throws GatewayError NOT_FOUND when no wrap for them opens yet | KEYS_ELSEWHERE | KEYS_LOCKED
   */
  async unlock(actor: Actor, consultation: Consultation): Promise<Uint8Array> {
    const { id } = consultation;
    const commitment = (await this.commitment(id)) ?? (await this.#make(consultation));
    const key = await this.#open(actor, id, commitment);
    await this.#handOn(consultation, key);
    return key;
  }

  /** The wraps for one user, for whoever opens them elsewhere: first what was made here or by themselves. */
  async wrapsFor(id: string, userId: string): Promise<KeyWrap[]> {
    const wraps: (KeyWrap & { readonly by: string })[] = [];
    for await (const { key, value } of this.#wraps.list({ prefix: `${id}/${userId}/` })) {
      const [, , kid = '', by = ''] = key.split('/');
      wraps.push({ recipient: userId, kid, by, ...value });
    }
    const isSure = ({ by }: { readonly by: string }) => by === HERE || by === userId;
    return wraps
      .toSorted((one, other) => Number(isSure(other)) - Number(isSure(one)))
      .map(({ by: _, ...wrap }) => wrap);
  }

  /**
   * Takes a key that a participant has made and wrapped elsewhere. The gateway can't tell whether the wraps open; each
   * reader holds what they find against the commitment. What the same participant has wrapped before is replaced.
   * @throws GatewayError VALIDATION | CONFLICT when there is another key
   */
  async adopt(
    { userId }: Pick<Actor, 'userId'>,
    consultation: Consultation,
    { commitment, wraps }: { readonly commitment: string; readonly wraps: readonly KeyWrap[] },
  ): Promise<void> {
    const { id } = consultation;
    const entitled = await this.#entitled(consultation);
    const known = new Map(entitled.map((user) => [user.id, kidOf(user.keys.seal)]));
    if (!wraps.every(({ recipient, kid }) => known.get(recipient) === kid))
      throw new GatewayError('VALIDATION', 'A wrap is for nobody who takes part, or an old key.');
    const isNew = await this.#records.putIfAbsent(id, { commitment }, { sync: true });
    if (!isNew && (await this.commitment(id)) !== commitment)
      throw new GatewayError('CONFLICT', 'The consultation has another key already.');
    const writes = wraps.map(({ recipient, kid, wrapped }) =>
      this.#wraps.write(placeOf(id, { recipient, kid, by: userId }), { wrapped }),
    );
    await this.parts.store.commit(writes, { sync: true });
  }

  async #make(consultation: Consultation): Promise<string> {
    const { id } = consultation;
    const key = this.parts.random(32);
    const commitment = commitToKey(id, key);
    const wraps: StoreWrite[] = [];
    for (const user of await this.#entitled(consultation))
      wraps.push(
        this.#wraps.write(madeHere(id, user), { wrapped: await this.#wrap(id, user, key) }),
      );
    wipe(key);
    const writes = [this.#records.write(id, { commitment }), ...wraps];
    // Somebody else may have been first; then theirs counts.
    const expect = [this.#records.absent(id)];
    if (await this.parts.store.commit(writes, { expect, sync: true })) return commitment;
    return (await this.#records.get(id))?.commitment ?? commitment;
  }

  async #open(actor: Actor, id: string, commitment: string): Promise<Uint8Array> {
    const { userId, unsealing } = unsealerOf(actor);
    for (const { kid, privateKey } of unsealing.toReversed()) {
      for await (const { key: place } of this.#wraps.list({ prefix: `${id}/${userId}/${kid}/` })) {
        const binding = { ...this.#binding(id, userId, kid), recipientPrivateKey: privateKey };
        const key = await this.#tryWrap(place, commitment, binding);
        if (key) return key;
      }
    }
    throw new GatewayError(
      'NOT_FOUND',
      'The consultation’s key has not been wrapped for you yet: it is as soon as somebody who has it is there.',
      { ids: { consultation: id } },
    );
  }

  /** The key in a wrap. One that is bad is taken away, by the word of the only one who can tell. */
  async #tryWrap(
    place: string,
    commitment: string,
    binding: WrapBinding & { readonly recipientPrivateKey: Uint8Array },
  ): Promise<Uint8Array | undefined> {
    const found = await this.#wraps.find(place);
    if (!found) return undefined;
    const wrapped = Buffer.from(found.value.wrapped, 'base64url');
    const key = await unwrapKey({ ...binding, wrapped }).catch(damagedIsNone);
    const { subject: id, recipient } = binding;
    if (key && commitToKey(id, key) === commitment) return key;
    // If its maker has replaced it meanwhile, it is another one, and stays.
    const removed = await this.parts.store.commit([this.#wraps.write(place, undefined)], {
      expect: [found.unchanged],
      sync: true,
    });
    const by = place.split('/').at(-1);
    if (removed)
      this.parts.log.warn('consultation.wrap-removed', {
        operationId: id,
        userId: by,
        recipientId: recipient,
      });
    return undefined;
  }

  /** To a guardian who was named later, for somebody's new key, and beside what others have wrapped for them. */
  async #handOn(consultation: Consultation, key: Uint8Array): Promise<void> {
    const { id } = consultation;
    const entitled = await this.#entitled(consultation);
    const there = await this.#wraps.getMany(entitled.map((user) => madeHere(id, user)));
    for (const [at, user] of entitled.entries()) {
      if (there[at]) continue;
      const wrapped = await this.#wrap(id, user, key);
      await this.#wraps.putIfAbsent(madeHere(id, user), { wrapped }, { sync: true });
    }
  }

  async #entitled({ doctor, patient }: Consultation): Promise<User[]> {
    const { records } = this.parts;
    const document = await records.patient(patient);
    const guardians = document.kin
      .map(({ relative }) => activeKin(document, relative, records.now()))
      .flatMap((link) => (link?.rights.includes('guardian') ? [link.relative] : []));
    const users = [doctor, ...new Set(guardians)].map((id) => records.user(id));
    return [document, ...(await Promise.all(users))];
  }

  async #wrap(id: string, { id: recipient, keys }: User, secret: Uint8Array): Promise<string> {
    const recipientPublicKey = decodePublicKey(keys.seal);
    if (!recipientPublicKey)
      throw new GatewayError('WRAP_DAMAGED', 'The recipient’s key on the ledger is not a key.', {
        ids: { user: recipient },
      });
    const binding = this.#binding(id, recipient, kidOf(keys.seal));
    const wrapped = await wrapKey({ ...binding, recipientPublicKey, secret });
    return Buffer.from(wrapped).toString('base64url');
  }

  #binding(subject: string, recipient: string, kid: string) {
    const purpose = 'consultation' as const;
    return { purpose, ledger: this.parts.records.channel, subject, recipient, kid };
  }
}

/** Each recipient's key has one place for each maker. */
function placeOf(
  id: string,
  { recipient, kid, by }: { readonly recipient: string; readonly kid: string; readonly by: string },
): string {
  return `${id}/${recipient}/${kid}/${by}`;
}

function madeHere(id: string, { id: recipient, keys }: User): string {
  return placeOf(id, { recipient, kid: kidOf(keys.seal), by: HERE });
}

function damagedIsNone(error: unknown): undefined {
  if (error instanceof GatewayError && error.code === 'WRAP_DAMAGED') return undefined;
  throw error;
}
