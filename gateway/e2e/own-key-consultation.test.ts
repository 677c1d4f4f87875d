// A patient who keeps her own keys talks with a doctor whose keys are at the gateway: it sees ciphertexts of hers only.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { kidOf } from '@prms/chaincode';
import { z } from 'zod';
import {
  commitToKey,
  openText,
  sealText,
  transcriptSchema,
} from '../services/consultations/index.js';
import { unwrapKey } from '../vault/index.js';
import { checkTranscript } from '../verify/index.js';
import { OwnKeyPerson } from './own-key-person.js';
import { Talker } from './talker.js';
import { World, type Visitor } from './world.js';

const created = z.looseObject({ id: z.string() });

describe('a consultation with somebody who keeps their own keys', function () {
  this.timeout(60_000);
  let world: World;
  let doctor: Visitor;
  let olga: OwnKeyPerson;
  let [path, id] = ['', ''];
  before(async () => {
    world = await World.open({ env: { PRMS_ANCHOR_EVERY_MESSAGES: '3' } });
    const north = await world.hospital('North');
    doctor = await world.doctor('Adeyemi', north);
    olga = await new OwnKeyPerson(world, 'olga').register();
    const hospital = north.userId;
    const care = await olga.act('care:request', { doctor: doctor.userId, hospital });
    await doctor.change(`/care/${olga.userId}/${care.id}/approve`, { replaces: 1 });
    ({ id } = await doctor.post('/consultations', { patient: olga.userId, hospital }, created));
    path = `/patients/${olga.userId}/consultations/${id}`;
    await doctor.ask('POST', `${path}/admit`, { user: olga.userId });
  });
  after(() => world.close());

  it('works on ciphertexts, anchors and closes with her own signatures, and verifies for both', async () => {
    const one = await Talker.at(world.url, path, doctor).join();
    await one.say('Good morning.');
    const two = Talker.at(world.url, path, olga.visitor);
    const { key } = await two.welcomed();
    const [wrap] = key?.wraps ?? [];
    if (!key || !wrap) throw new Error('the key was wrapped for her');
    const secret = await unwrapKey({
      purpose: 'consultation',
      ledger: 'records',
      subject: id,
      recipient: olga.userId,
      kid: kidOf(olga.keys.seal),
      recipientPrivateKey: olga.sealing.privateKey,
      wrapped: Buffer.from(wrap.wrapped, 'base64url'),
    });
    expect(commitToKey(id, secret)).to.equal(key.commitment);
    two.send({ type: 'join' });
    const [first] = await two.hears(1);
    if (first?.kind !== 'message') throw new Error('the doctor has said something');
    expect(first).to.not.have.property('text');
    const placeOf = (sender: string, message: string) => ({
      ledger: 'records',
      consultation: id,
      sender,
      id: message,
    });
    expect(openText(secret, placeOf(doctor.userId, first.id), first.sealed)).to.equal(
      'Good morning.',
    );

    expect(await two.refused({ type: 'say', id: 'plain-text-1', text: 'x' })).to.equal(
      'KEYS_ELSEWHERE',
    );
    expect(await two.refused({ type: 'say-sealed', id: 'too-short-1', sealed: 'AAAA' })).to.equal(
      'VALIDATION',
    );
    const random = (length: number) => new Uint8Array(randomBytes(length));
    const seal = (message: string, text: string) => ({
      type: 'say-sealed',
      id: message,
      sealed: sealText(secret, placeOf(olga.userId, message), text, random),
    });
    two.send(seal('olgas-first-1', 'Only for the doctor.'));
    await two.next('ack');
    const heard = await one.hears(2);
    expect(heard[1]).to.include({ text: 'Only for the doctor.', sender: olga.userId });

    // Her message makes the anchor due: the doctor, who is there, could sign; alone, she is asked.
    one.send({ type: 'leave' });
    await one.next('left');
    one.drop();
    two.send(seal('olgas-second-1', 'Are you there?'));
    await two.next('ack');
    const wanted = await two.next('anchor-wanted');
    expect(wanted).to.include({ count: 3, id, head: two.heard.at(-1)?.head });
    const { type: _, ...args } = wanted;
    const forged = olga.line('consultation:message', { ...args, head: 'A'.repeat(43) });
    expect(await two.refused({ type: 'anchor', operation: forged })).to.equal('VALIDATION');
    two.send({ type: 'anchor', operation: olga.line('consultation:message', args) });
    expect(await two.next('anchored')).to.include({ count: 3 });

    two.send(seal('olgas-third-1', 'Good-bye.'));
    const { head } = await two.next('ack');
    const close = { patient: olga.userId, id, replaces: args.replaces + 1 };
    const bare = olga.line('consultation:close', close);
    expect(await two.refused({ type: 'close', operation: bare })).to.equal('CONFLICT');
    const whole = olga.line('consultation:close', { ...close, anchor: { count: 4, head } });
    two.send({ type: 'close', operation: whole });
    await two.next('closed');

    const hers = await olga.visitor.get(`${path}/transcript`, transcriptSchema);
    expect(hers.key).to.not.have.property('secret');
    const blind = await checkTranscript(hers, { expect: [] });
    expect(blind.problems).to.deep.equal([]);
    expect(blind.notProven.join()).to.include('key is not included');
    const texts = await doctor.get(`${path}/transcript`, transcriptSchema);
    const seen = await checkTranscript(texts, { expect: [] });
    expect(seen.problems).to.deep.equal([]);
    expect(seen.facts).to.include({ messages: 4, anchored: 4, opened: 4 });
  });
});
