// A user's keys: rotated by themselves, or, when they are lost, replaced by two hospitals after a notice period.

import { kidOf, possessionText, type ArgumentsOf, type Recovery } from '@prms/chaincode';
import type { Accounts } from '../accounts/index.js';
import type { RandomBytes } from '../ambient.js';
import {
  encodePublicKey,
  generateKeyPair,
  signP256,
  type PrivateKeyEntry,
} from '../vault/index.js';
import { signingEntry, type Actor } from './actor.js';
import type { HospitalKeys } from './hospital-keys.js';
import type { AppliedReceipt, Records } from './records.js';

interface Changed {
  readonly receipt: AppliedReceipt;
}

export class Keys {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly accounts: Accounts;
      readonly hospitalKeys: HospitalKeys;
      readonly random: RandomBytes;
    },
  ) {}

  /**
   * New keys under the same id. The new ones are in the bundle before the ledger hears of them, so a crash loses neither;
   * earlier unsealing keys stay, for what was wrapped for them.
   */
  async rotate(actor: Actor): Promise<Changed> {
    const { records, accounts, hospitalKeys, random } = this.parts;
    const { version } = await records.user(actor.userId);
    const [sign, seal] = [generateKeyPair(random), generateKeyPair(random)];
    const keys = { sign: encodePublicKey(sign.publicKey), seal: encodePublicKey(seal.publicKey) };
    const id = records.newId();
    const proof = Buffer.from(
      signP256(sign.privateKey, Buffer.from(possessionText(actor.userId, id), 'utf8')),
    ).toString('base64url');
    const fresh: PrivateKeyEntry[] = [
      { use: 'sign', kid: kidOf(keys.sign), privateKey: sign.privateKey },
      { use: 'unseal', kid: kidOf(keys.seal), privateKey: seal.privateKey },
    ];
    const old = signingEntry(actor);
    await accounts.replaceKeys(actor.userId, actor.keys.bundleKey, [
      ...actor.keys.entries,
      ...fresh,
    ]);
    if (actor.role === 'hospital')
      await hospitalKeys.add(actor.userId, {
        use: 'unseal',
        kid: kidOf(keys.seal),
        privateKey: seal.privateKey,
      });
    const receipt = await records.act(
      actor,
      'key:rotate',
      { keys, proof, replaces: version },
      actor.userId,
      id,
    );
    for (const entry of fresh) actor.keys.add(entry);
    actor.keys.remove(old.use, old.kid);
    await accounts.replaceKeys(actor.userId, actor.keys.bundleKey, actor.keys.entries);
    return { receipt };
  }

  // --- re-keying by hospitals, for those whose keys are lost

  async propose(actor: Actor, proposal: ArgumentsOf<'key:propose'>): Promise<Changed> {
    return { receipt: await this.parts.records.act(actor, 'key:propose', proposal, proposal.user) };
  }

  async second(actor: Actor, user: string, proposal: string): Promise<Changed> {
    return { receipt: await this.parts.records.act(actor, 'key:second', { user, proposal }, user) };
  }

  async complete(actor: Actor, user: string, proposal: string): Promise<Changed> {
    return {
      receipt: await this.parts.records.act(actor, 'key:complete', { user, proposal }, user),
    };
  }

  /** The user, whose keys are not lost after all, says no. */
  async object(actor: Actor, proposal: string): Promise<Changed> {
    return {
      receipt: await this.parts.records.act(actor, 'key:object', { proposal }, actor.userId),
    };
  }

  /** A re-keying that is under way or was, so that its user can see it. */
  async recovery(user: string): Promise<Recovery | undefined> {
    return (await this.parts.records.user(user)).recovery;
  }
}
