// The key of a consultation's messages: random, made by the first participant who comes with keys, wrapped for the doctor,
// the patient and the patient's guardians. Key and wraps rest in this gateway's store and nowhere else: a consultation
// lives at the doctor's hospital, and in the clouds whoever holds the vault's key would have the wraps at hand.

import { kidOf, type Consultation, type User } from '@prms/chaincode';
import { activeKin } from '@prms/chaincode/rules';
import { z } from 'zod';
import type { RandomBytes } from '../../ambient.js';
import { GatewayError } from '../../errors.js';
import { Documents, type Store, type StoreWrite } from '../../store/index.js';
import { decodePublicKey, unwrapKey, wipe, wrapKey } from '../../vault/index.js';
import { unsealerOf, type Actor } from '../actor.js';
import type { Records } from '../records.js';
import { commitToKey } from './chain.js';

const recordSchema = z.strictObject({ commitment: z.string() });
const wrapSchema = z.strictObject({ wrapped: z.string() });

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
   * @throws GatewayError NOT_FOUND when it has not been wrapped for them yet | WRAP_DAMAGED | KEYS_ELSEWHERE | KEYS_LOCKED
   */
  async unlock(actor: Actor, consultation: Consultation): Promise<Uint8Array> {
    const { id } = consultation;
    const commitment = (await this.commitment(id)) ?? (await this.#make(consultation));
    const key = await this.#open(actor, id, commitment);
    await this.#handOn(consultation, key);
    return key;
  }

  /** The wraps for one user, for whoever opens them elsewhere. */
  async wrapsFor(id: string, userId: string): Promise<KeyWrap[]> {
    const wraps: KeyWrap[] = [];
    for await (const { key, value } of this.#wraps.list({ prefix: `${id}/${userId}/` }))
      wraps.push({ recipient: userId, kid: key.slice(id.length + userId.length + 2), ...value });
    return wraps;
  }

  /**
   * Takes a key that a participant has made and wrapped elsewhere. The gateway can't tell whether the wraps open; each
   * reader holds what they find against the commitment.
   * @throws GatewayError CONFLICT when there is another key
   */
  async adopt(
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
    for (const { recipient, kid, wrapped } of wraps)
      await this.#wraps.putIfAbsent(`${id}/${recipient}/${kid}`, { wrapped }, { sync: true });
  }

  async #make(consultation: Consultation): Promise<string> {
    const { id } = consultation;
    const key = this.parts.random(32);
    const commitment = commitToKey(id, key);
    const wraps: StoreWrite[] = [];
    for (const user of await this.#entitled(consultation))
      wraps.push(
        this.#wraps.write(placeOf(id, user), { wrapped: await this.#wrap(id, user, key) }),
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
      const found = await this.#wraps.get(`${id}/${userId}/${kid}`);
      if (!found) continue;
      const key = await unwrapKey({
        ...this.#binding(id, userId, kid),
        recipientPrivateKey: privateKey,
        wrapped: Buffer.from(found.wrapped, 'base64url'),
      });
      if (commitToKey(id, key) === commitment) return key;
      throw new GatewayError(
        'WRAP_DAMAGED',
        'The wrap holds another key than the consultation’s.',
        {
          ids: { consultation: id },
        },
      );
    }
    throw new GatewayError(
      'NOT_FOUND',
      'The consultation’s key has not been wrapped for you yet: it is as soon as somebody who has it is there.',
      { ids: { consultation: id } },
    );
  }

  /** A guardian who was named later, or somebody's new key. */
  async #handOn(consultation: Consultation, key: Uint8Array): Promise<void> {
    const { id } = consultation;
    const entitled = await this.#entitled(consultation);
    const there = await this.#wraps.getMany(entitled.map((user) => placeOf(id, user)));
    for (const [at, user] of entitled.entries()) {
      if (there[at]) continue;
      const wrapped = await this.#wrap(id, user, key);
      await this.#wraps.putIfAbsent(placeOf(id, user), { wrapped }, { sync: true });
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

function placeOf(id: string, user: User): string {
  return `${id}/${user.id}/${kidOf(user.keys.seal)}`;
}
