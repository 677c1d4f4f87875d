// The circle of those who hold a patient's vault key: the patient, full grantees, guardians and whoever consents on
// their behalf, the escrow hospital. When one leaves it, a new epoch begins and the others get its key.

import { createHmac } from 'node:crypto';
import { vaultMark, type Epoch, type Patient } from '@prms/chaincode';
import { activeKin, holdsEpoch, holdsVault } from '@prms/chaincode/rules';
import type { RandomBytes } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { KeyedLock } from '../store/index.js';
import { encodePublicKey, generateKeyPair } from '../vault/index.js';
import { unsealerOf, type Actor } from './actor.js';
import type { Records } from './records.js';
import { recipientOf, type OpenEpoch, type Recipient, type Vaults } from './vaults.js';

/** How often a change of the circle is tried while other gateways change it, too. */
const ATTEMPTS = 5;

/** Whom the new epoch must not reach. */
export interface Leaving {
  readonly consent?: string;
  readonly kin?: string;
  readonly escrow?: true;
}

export class Circle {
  readonly #locks = new KeyedLock();

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly vaults: Vaults;
      readonly random: RandomBytes;
    },
  ) {}

  /**
   * Whatever changes who holds a patient's keys is done one after the other, each from the ledger's present state: a
   * grant beside a new epoch would leave its grantee with the old key.
   */
  alone<T>(patient: string, work: () => Promise<T>): Promise<T> {
    return this.#locks.run([patient], work);
  }

  /**
   * The same for what hands out the vault's key or makes the next one: what is signed names the vault as it was seen here
   * (`vaultMark`), and is done again, from the ledger's present state, when another gateway has changed it meanwhile.
   */
  inStep<T>(patientId: string, work: (patient: Patient, vault: string) => Promise<T>): Promise<T> {
    const { records } = this.parts;
    return this.alone(patientId, async () => {
      for (let attempt = 1; ; attempt++) {
        const patient = await records.patient(patientId);
        const vault = vaultMark(patient);
        try {
          return await work(patient, vault);
        } catch (error) {
          if (!isConflict(error) || attempt === ATTEMPTS) throw error;
          // Something else has been changed than the vault: that is for the caller to look at.
          if (vaultMark(await records.patient(patientId)) === vault) throw error;
        }
      }
    });
  }

  /** The vault's key, for the patient or a relative who holds it. @throws GatewayError FORBIDDEN */
  async open(actor: Actor, patient: Patient): Promise<OpenEpoch> {
    const kin = activeKin(patient, actor.userId, this.parts.records.now());
    if (actor.userId !== patient.id && !(kin && holdsVault(kin.rights))) {
      throw new GatewayError(
        'FORBIDDEN',
        'Only the patient, or a relative who acts for them, can do this.',
      );
    }
    return this.parts.vaults.openEpoch(patient, unsealerOf(actor));
  }

  /**
   * Makes the next epoch and hands its key to everybody who stays, before the ledger hears of it: a crash in between
   * leaves unused wraps, never a vault without a key.
   */
  async renew(actor: Actor, patient: Patient, leaving: Leaving): Promise<Epoch> {
    const { vaults, records, random } = this.parts;
    const present = await this.open(actor, patient);
    const pair = generateKeyPair(random);
    const epoch: Epoch = { number: patient.epoch.number + 1, key: encodePublicKey(pair.publicKey) };
    const next = { id: patient.id, epoch };
    const opened = { number: epoch.number, privateKey: pair.privateKey };
    await vaults.linkEpoch(patient, present, epoch);
    await vaults.giveEpoch(next, opened, recipientOf(patient));
    for (const id of this.#holders(patient, leaving)) {
      await vaults.giveEpoch(next, opened, recipientOf(await records.user(id)));
    }
    if (patient.escrow !== null && !leaving.escrow) {
      await vaults.giveEpoch(
        next,
        opened,
        recipientOf(await records.user(patient.escrow)),
        'escrow',
      );
    }
    return epoch;
  }

  /** Everybody, the patient and the escrow hospital aside, who holds the present epoch's key by right. */
  #holders(patient: Patient, leaving: Leaving): Set<string> {
    const now = this.parts.records.now();
    const holders = new Set<string>();
    for (const consent of patient.consents) {
      const current =
        consent.status === 'active' && now < (consent.terms.notAfter ?? Number.POSITIVE_INFINITY);
      if (current && consent.id !== leaving.consent && holdsEpoch(consent.terms))
        holders.add(consent.terms.grantee.id);
    }
    for (const link of patient.kin) {
      const current = link.status === 'active' && now < (link.notAfter ?? Number.POSITIVE_INFINITY);
      if (current && link.id !== leaving.kin && holdsVault(link.rights)) holders.add(link.relative);
    }
    return holders;
  }

  /** Does somebody hold the vault's key for another reason than the one that ends? */
  stays(patient: Patient, id: string, leaving: Leaving): boolean {
    return this.#holders(patient, leaving).has(id);
  }

  /** Gives the present epoch's key to one more. */
  async admit(
    actor: Actor,
    patient: Patient,
    recipient: Recipient,
    purpose: 'epoch' | 'escrow' = 'epoch',
  ): Promise<void> {
    await this.parts.vaults.giveEpoch(patient, await this.open(actor, patient), recipient, purpose);
  }

  /** Hands on the key to the patient's categories. */
  async shareTags(actor: Actor, patient: Patient, recipient: Recipient): Promise<void> {
    const tagKey = await this.parts.vaults.openTagKey(patient.id, unsealerOf(actor));
    await this.parts.vaults.giveTagKey(patient.id, tagKey, recipient);
  }
}

const isConflict = (error: unknown): boolean =>
  error instanceof GatewayError && error.options.reason === 'VERSION_CONFLICT';

/** A category as it stands on the ledger: 16 bytes of HMAC-SHA-256 under the patient's tag key, base64url. */
export function tagOf(tagKey: Uint8Array, category: string): string {
  const normal = category.normalize('NFC').trim().toLowerCase();
  return createHmac('sha256', tagKey)
    .update('PRMS-tag-v1\0')
    .update(normal, 'utf8')
    .digest()
    .toString('base64url', 0, 16);
}
