// New keys under the same id: by the user, or, when theirs are lost, by two hospitals after a notice period in which the
// user can object with the old ones.

import { SHORT_LIFE_MS, type PublicKeys, type Recovery, type User } from '../model/index.js';
import { isActingHospital } from '../rules/index.js';
import { isPoint, isSignedBy, kidOf, possessionText } from '../signatures/index.js';
import { indexes, keys } from '../state/index.js';
import {
  changed,
  changedBefore,
  find,
  must,
  mustBe,
  Refused,
  type Call,
  type Definition,
} from './call.js';

/** Issuing an operation in the past must not shorten the notice period. */
const LIFE_MS = SHORT_LIFE_MS;

type KeyCall =
  | Call<'key:rotate'>
  | Call<'key:propose'>
  | Call<'key:second'>
  | Call<'key:object'>
  | Call<'key:complete'>;

/** Keys that somebody takes over: sound, and theirs by a proof made for this operation. */
export function checkNewKeys(
  newKeys: PublicKeys,
  proof: string,
  user: string,
  operation: string,
): void {
  mustBe(isPoint(newKeys.seal) && newKeys.seal !== newKeys.sign, 'MALFORMED');
  const check = {
    publicKey: newKeys.sign,
    text: possessionText(user, operation),
    signature: proof,
  };
  mustBe(isSignedBy(check), 'BAD_SIGNATURE');
}

function rekey(call: KeyCall, user: User, newKeys: PublicKeys): User {
  const kid = kidOf(newKeys.sign);
  call.world.put(indexes.kid(kid), { user: user.id });
  return { ...user, ...changed(call, user), keys: newKeys, kid };
}

function put(call: KeyCall, user: User): void {
  call.world.put(keys.user(user.id), user);
}

const rotate: Definition<'key:rotate'> = {
  lifeMs: LIFE_MS,
  apply(call) {
    const { actor, args, envelope } = call;
    const again = changedBefore(call, actor, args.replaces);
    if (again) return again;
    checkNewKeys(args.keys, args.proof, actor.id, envelope.id);
    mustBe(args.keys.sign !== actor.keys.sign, 'ALREADY_EXISTS');
    const after = rekey(call, actor, args.keys);
    put(call, after);
    return { version: after.version };
  },
};

const propose: Definition<'key:propose'> = {
  lifeMs: LIFE_MS,
  async apply(call) {
    const { actor, args, envelope } = call;
    must(isActingHospital(actor));
    const user = await find(call, keys.user(args.user));
    // A system that has lost its keys is authorised anew by its hospital, with others.
    mustBe(user.role !== 'service', 'WRONG_ROLE');
    const earlier = user.recovery;
    if (earlier?.id === envelope.id) {
      mustBe(earlier.created === call.hash, 'ID_REUSED');
      return { version: user.version, again: true };
    }
    const running = earlier?.status === 'proposed' || earlier?.status === 'seconded';
    mustBe(!running, 'ALREADY_EXISTS');
    // Ids carry time: an older proposal can't come back after a newer one has ended.
    mustBe(earlier === undefined || earlier.id < envelope.id, 'VERSION_CONFLICT');
    checkNewKeys(args.keys, args.proof, user.id, args.proofId);
    const recovery: Recovery = {
      id: envelope.id,
      created: call.hash,
      last: call.hash,
      status: 'proposed',
      keys: args.keys,
      proposer: actor.id,
    };
    put(call, { ...user, recovery });
    return { version: user.version };
  },
};

const second: Definition<'key:second'> = {
  lifeMs: LIFE_MS,
  async apply(call) {
    const { actor, args, envelope } = call;
    must(isActingHospital(actor));
    const user = await find(call, keys.user(args.user));
    const recovery = recoveryOf(user, args.proposal);
    if (recovery.last === call.hash) return { version: user.version, again: true };
    mustBe(recovery.status === 'proposed', 'WRONG_STATE');
    mustBe(recovery.proposer !== actor.id, 'NOT_OWNER');
    put(call, {
      ...user,
      recovery: {
        ...recovery,
        last: call.hash,
        status: 'seconded',
        seconder: actor.id,
        secondedAt: envelope.issuedAt,
      },
    });
    return { version: user.version };
  },
};

const object: Definition<'key:object'> = {
  lifeMs: LIFE_MS,
  apply(call) {
    const { actor, args } = call;
    const recovery = recoveryOf(actor, args.proposal);
    if (recovery.last === call.hash) return { version: actor.version, again: true };
    mustBe(recovery.status === 'proposed' || recovery.status === 'seconded', 'WRONG_STATE');
    put(call, { ...actor, recovery: { ...recovery, last: call.hash, status: 'objected' } });
    return { version: actor.version };
  },
};

const complete: Definition<'key:complete'> = {
  lifeMs: LIFE_MS,
  async apply(call) {
    const { actor, args, envelope, genesis } = call;
    must(isActingHospital(actor));
    const user = await find(call, keys.user(args.user));
    const recovery = recoveryOf(user, args.proposal);
    if (recovery.last === call.hash) return { version: user.version, again: true };
    mustBe(recovery.status === 'seconded' && recovery.secondedAt !== undefined, 'WRONG_STATE');
    mustBe(actor.id === recovery.proposer || actor.id === recovery.seconder, 'NOT_OWNER');
    mustBe(
      envelope.issuedAt >= (recovery.secondedAt ?? 0) + genesis.recoveryNoticeMs,
      'NOTICE_RUNNING',
    );
    const after = rekey(call, user, recovery.keys);
    put(call, { ...after, recovery: { ...recovery, last: call.hash, status: 'completed' } });
    return { version: after.version };
  },
};

function recoveryOf(user: User, proposal: string): Recovery {
  if (user.recovery?.id !== proposal) throw new Refused('NOT_FOUND');
  return user.recovery;
}

export const keychange = {
  'key:rotate': rotate,
  'key:propose': propose,
  'key:second': second,
  'key:object': object,
  'key:complete': complete,
};
