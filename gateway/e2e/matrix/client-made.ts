// What a client with keys of its own would send, made with the keys of people whose keys the gateway has.
import { randomBytes } from 'node:crypto';
import { kidOf } from '@prms/chaincode';
import { derivePartKeys, type PartKeys } from '@prms/stego';
import { z } from 'zod';
import { unwrapKey } from '../../vault/index.js';
import type { Visitor } from '../world.js';
import type { Home } from './home.js';

const sealedSchema = z.looseObject({
  wraps: z.array(
    z.object({
      purpose: z.enum(['report', 'epoch', 'escrow', 'tags']),
      subject: z.string(),
      recipient: z.string(),
      kid: z.string(),
      wrap: z.string(),
    }),
  ),
  terms: z.looseObject({ suite: z.enum(['A256GCM', 'A128GCM']), parts: z.array(z.unknown()) }),
});
/** What finds the ciphertext of Maria's report in its pictures, for an access of `doctor`'s. */
export async function partKeys(home: Home, access: string): Promise<PartKeys[]> {
  const { doctor } = home.people;
  const path = `${home.path}/reports/${home.report}/sealed`;
  const { wraps, terms: anchored } = await doctor.post(path, { access }, sealedSchema);
  let secret = await unsealingKey(home, doctor);
  for (const { wrap, ...binding } of wraps) {
    const wrapped = new Uint8Array(Buffer.from(wrap, 'base64url'));
    const ledger = home.world.gateway.services.records.channel;
    secret = await unwrapKey({ ...binding, ledger, recipientPrivateKey: secret, wrapped });
  }
  return anchored.parts.map((_, i) => derivePartKeys(secret, anchored.suite, i + 1));
}

async function unsealingKey({ world }: Home, { token }: Visitor): Promise<Uint8Array> {
  const { sessions, logins } = world.gateway.services;
  const session = await sessions.authenticate(token);
  const entries = session && logins.actor(session).keys.entries;
  const key = entries?.find(({ use }) => use === 'unseal');
  if (!key) throw new Error('somebody who is logged in has an unsealing key');
  return key.privateKey;
}

/** A wrap of the categories' key for a doctor, as a client would make it. */
export async function tagsWrap({ world, owner, grantee }: Home): Promise<object> {
  const { keys } = await world.gateway.services.records.user(grantee.userId);
  const wrap = Buffer.concat([Buffer.of(1), randomBytes(113)]).toString('base64url');
  const [subject, recipient] = [owner.userId, grantee.userId];
  return { purpose: 'tags', subject, recipient, kid: kidOf(keys.seal), wrap };
}
