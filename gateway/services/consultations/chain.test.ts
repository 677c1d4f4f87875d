// The chain of a consultation's messages against its vectors, and against every change.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { z } from 'zod';
import { seededRandom } from '../../testing/index.js';
import { commitToKey, firstHead, headsOf, openText, sealText, shownSchema } from './chain.js';

const vectorSchema = z.strictObject({
  ledger: z.string(),
  consultation: z.string(),
  key: z.string(),
  commitment: z.string(),
  firstHead: z.string(),
  messages: z.array(shownSchema),
});
const source = new URL('../../../services/consultations/vectors.json', import.meta.url);
const hash = (...parts: (string | Uint8Array)[]): string => {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return digest.digest('base64url');
};

describe('message chain', () => {
  const read = async () => vectorSchema.parse(JSON.parse(await readFile(source, 'utf8')));

  it('is the published one', async () => {
    const { ledger, consultation, key, commitment, messages, ...vector } = await read();
    const secret = Buffer.from(key, 'base64url');
    expect(commitToKey(consultation, secret)).to.equal(commitment);
    expect(firstHead(consultation, commitment)).to.equal(vector.firstHead);
    expect(headsOf(vector.firstHead, messages)).to.deep.equal(messages.map(({ head }) => head));
    for (const message of messages) {
      if (message.kind !== 'message') continue;
      const place = { ledger, consultation, sender: message.sender, id: message.id };
      expect(openText(secret, place, message.sealed)).to.equal(message.text);
      for (const other of ['ledger', 'consultation', 'sender', 'id'])
        expect(openText(secret, { ...place, [other]: 'x' }, message.sealed)).to.equal(undefined);
    }
  });

  it('is what the specification says, written out', async () => {
    const { consultation, commitment, messages, firstHead: first } = await read();
    const begin = JSON.stringify({ consultation, key: commitment });
    expect(hash('PRMS-chat-v2\0', begin)).to.equal(first);
    const [one] = messages;
    if (one?.kind !== 'message') throw new Error('the first is a message');
    const { at, id, number, sender, sealed } = one;
    const body = hash(Buffer.from(sealed, 'base64url'));
    const link = JSON.stringify({ at, body, id, kind: 'message', number, sender });
    expect(hash('PRMS-chat-v2\0', Buffer.from(first, 'base64url'), link)).to.equal(one.head);
  });

  it('property: nothing changed, dropped, added or moved is a chain', async () => {
    const { messages, firstHead: first } = await read();
    fc.assert(
      fc.property(fc.nat(3), fc.nat(3), fc.integer({ min: 1 }), (from, to, shift) => {
        const moved = messages
          .toSpliced(from, 1)
          .toSpliced(to, 0, ...messages.slice(from, from + 1));
        if (from !== to) expect(headsOf(first, moved)).to.equal(undefined);
        if (from < 3) expect(headsOf(first, messages.toSpliced(from, 1))).to.equal(undefined);
        const later = messages.map((each, at) =>
          at === from ? { ...each, at: each.at + shift } : each,
        );
        expect(headsOf(first, later)).to.equal(undefined);
      }),
    );
    expect(headsOf(firstHead('other', first), messages)).to.equal(undefined);
  });

  it('seals each text anew', () => {
    const place = { ledger: 'records', consultation: 'c', sender: 's', id: 'i' };
    const random = seededRandom('chain');
    const key = random(32);
    const [one, two] = [sealText(key, place, 'x', random), sealText(key, place, 'x', random)];
    expect(one).to.not.equal(two);
    expect([one, two].map((sealed) => openText(key, place, sealed))).to.deep.equal(['x', 'x']);
  });
});
