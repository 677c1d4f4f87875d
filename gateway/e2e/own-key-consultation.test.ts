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
  let [path, id, hospital] = ['', '', ''];
  before(async () => {
    world = await World.open({ env: { PRMS_ANCHOR_EVERY_MESSAGES: '3' } });
    const north = await world.hospital('North');
    doctor = await world.doctor('Adeyemi', north);
    olga = await new OwnKeyPerson(world, 'olga').register();
    hospital = north.userId;
    const care = await olga.act('care:request', { doctor: doctor.userId, hospital });
    await doctor.change(`/care/${olga.userId}/${care.id}/approve`, { replaces: 1 });
    ({ id } = await doctor.post('/consultations', { patient: olga.userId, hospital }, created));
    path = `/patients/${olga.userId}/consultations/${id}`;
    await doctor.ask('POST', `${path}/admit`, { user: olga.userId });
  });
  after(() => world.close());

  it('shows what opens with no key as it is, and refuses it while somebody could read it', async () => {
    const wish = { patient: olga.userId, hospital };
    const { id: other } = await doctor.post('/consultations', wish, created);
    const where = `/patients/${olga.userId}/consultations/${other}`;
    await doctor.ask('POST', `${where}/admit`, { user: olga.userId });
    const one = await Talker.at(world.url, where, doctor).join();
    await one.say('Good morning.');
    const two = await Talker.at(world.url, where, olga.visitor).join();
    await two.next('joined');
    const junk = { id: 'junk-message-1', sealed: Buffer.alloc(60, 7).toString('base64url') };
    expect(await two.refused({ type: 'say-sealed', ...junk })).to.equal('VALIDATION');
    expect(await one.refused({ type: 'say-sealed', ...junk })).to.equal('FORBIDDEN');
    expect(await doctor.fails('POST', `${where}/messages`, junk)).to.equal('FORBIDDEN');

    await two.next('presence', ({ here }) => here.length === 2);
    one.drop();
    await two.next('presence', ({ here }) => here.length === 1);
    two.send({ type: 'say-sealed', ...junk });
    await two.next('ack');
    await one.again();
    await one.say('Stop the medicine.');
    const heard = await one.hears(3);
    expect(heard[1]).to.include({ number: 2, sealed: junk.sealed, unreadable: true });
    expect(heard[1]).to.not.have.property('text');
    expect(heard[2]).to.include({ text: 'Stop the medicine.' });
    expect((await two.hears(3)).map(({ number }) => number)).to.deep.equal([1, 2, 3]);

    await doctor.change(`${where}/close`);
    const whole = await doctor.get(`${where}/transcript`, transcriptSchema);
    expect(whole.messages).to.deep.equal(heard);
    const verdict = await checkTranscript(whole, { expect: [] });
    expect(verdict.problems).to.deep.equal([]);
    expect(verdict.facts).to.include({ messages: 3, anchored: 3, opened: 2 });
    expect(verdict.notProven.join()).to.include('open with no key');
    const lies = [
      { at: 1, message: { text: 'I agree.', unreadable: undefined } },
      { at: 1, message: { unreadable: undefined } },
      { at: 2, message: { text: undefined, unreadable: true } },
      { at: 2, message: { unreadable: true } },
    ];
    for (const { at, message } of lies) {
      const messages = whole.messages.map((each, n) => (n === at ? { ...each, ...message } : each));
      const lie = transcriptSchema.parse(JSON.parse(JSON.stringify({ ...whole, messages })));
      const { problems } = await checkTranscript(lie, { expect: [] });
      expect(problems.map(({ file }) => file)).to.deep.equal(['texts']);
    }
    for (const each of [one, two]) each.drop();
  });

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
