// A user's keys: rotated by themselves, or, when they are lost, replaced by two hospitals after a notice period.

import {
  kidOf,
  possessionText,
  readOperationLine,
  type ArgumentsOf,
  type Recovery,
} from '@prms/chaincode';
import { ARGUMENTS } from '@prms/chaincode/model';
import type { Accounts, Sessions } from '../accounts/index.js';
import type { RandomBytes } from '../ambient.js';
import { GatewayError } from '../errors.js';
import type { KeyedLock } from '../store/index.js';
import {
  encodePublicKey,
  generateKeyPair,
  signP256,
  type KeyRing,
  type PrivateKeyEntry,
} from '../vault/index.js';
import type { Actor } from './actor.js';
import type { HospitalKeys } from './hospital-keys.js';
import type { AppliedReceipt, Records } from './records.js';

interface Changed {
  readonly receipt: AppliedReceipt;
}

/** A new pair of pairs, and the proof that whoever made them can sign with them. */
export interface FreshKeys {
  readonly keys: { readonly sign: string; readonly seal: string };
  readonly sign: PrivateKeyEntry;
  readonly unseal: PrivateKeyEntry;
  readonly proof: string;
}

/** @param operation the id that the proof is bound to */
export function freshKeys(
  random: RandomBytes,
  user: string | ((signingKey: string) => string),
  operation: string,
): FreshKeys {
  const [sign, seal] = [generateKeyPair(random), generateKeyPair(random)];
  const keys = { sign: encodePublicKey(sign.publicKey), seal: encodePublicKey(seal.publicKey) };
  const id = typeof user === 'string' ? user : user(keys.sign);
  const text = Buffer.from(possessionText(id, operation), 'utf8');
  return {
    keys,
    sign: { use: 'sign', kid: kidOf(keys.sign), privateKey: sign.privateKey },
    unseal: { use: 'unseal', kid: kidOf(keys.seal), privateKey: seal.privateKey },
    proof: Buffer.from(signP256(sign.privateKey, text)).toString('base64url'),
  };
}

/**
 * A rotation is on the ledger, perhaps long after whoever asked for it was told to wait, or logged in again: sessions that
 * hold the new key sign with it from now on.
 */
export function followRotation(line: string, keyRing: Pick<KeyRing, 'prefer'>): void {
  // Most are none, and reading them all would cost more than this is worth.
  if (!line.includes('"type":"key:rotate"')) return;
  const envelope = readOperationLine(line)?.envelope;
  if (envelope?.type !== 'key:rotate') return;
  const { keys } = ARGUMENTS['key:rotate'].parse(envelope.args);
  keyRing.prefer(envelope.actor, kidOf(keys.sign));
}

export class Keys {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly accounts: Accounts;
      readonly sessions: Sessions;
      readonly hospitalKeys: HospitalKeys;
      readonly random: RandomBytes;
      /** By user: one change of keys at a time. */
      readonly keyLocks: KeyedLock;
    },
  ) {}

  /**
   * New keys under the same id. Every other session ends: they hold keys that sign no more.
   *
   * The new keys are in the bundle before the ledger hears of them, behind the present ones, so that whatever a crash or
   * a slow ledger leaves behind, the key that the ledger knows is held; a log-in puts that one first. Earlier unsealing
   * keys stay for good, for what was wrapped for them.
   */
  rotate(actor: Actor): Promise<Changed> {
    return this.parts.keyLocks.run([actor.userId], async () => {
      const { records, sessions, hospitalKeys, random } = this.parts;
      const { version, kid } = await records.user(actor.userId);
      actor.keys.prefer('sign', kid);
      const id = records.newId();
      const fresh = freshKeys(random, actor.userId, id);
      await sessions.endAll(actor.userId, actor.sessionId);
      actor.keys.add(fresh.sign);
      actor.keys.add(fresh.unseal);
      await this.#keep(actor);
      if (actor.role === 'hospital') await hospitalKeys.add(actor.userId, fresh.unseal);
      const args = { keys: fresh.keys, proof: fresh.proof, replaces: version };
      try {
        const receipt = await records.act(actor, 'key:rotate', args, actor.userId, id);
        await this.#keepOneSigner(actor, fresh.sign.kid);
        return { receipt };
      } catch (error) {
        // Refused is final; anything else may still be applied later, and then the new keys count.
        if (error instanceof GatewayError && error.code === 'REFUSED') {
          actor.keys.remove('sign', fresh.sign.kid);
          if (actor.role !== 'hospital') actor.keys.remove('unseal', fresh.unseal.kid);
          await this.#keep(actor);
        }
        throw error;
      }
    });
  }

  async #keepOneSigner(actor: Actor, current: string): Promise<void> {
    for (const { use, kid } of actor.keys.entries)
      if (use === 'sign' && kid !== current) actor.keys.remove(use, kid);
    await this.#keep(actor);
  }

  #keep(actor: Actor): Promise<void> {
    return this.parts.accounts.replaceKeys(actor.userId, actor.keys.bundleKey, actor.keys.entries);
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
