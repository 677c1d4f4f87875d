// A transcript that was downloaded, verified from its bytes alone, and every way to change it.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { World, type Visitor } from '../e2e/world.js';
import { transcriptSchema, type Transcript } from '../services/consultations/index.js';
import { verifyCommand, verifyFile, type Verdict } from './index.js';

const created = z.looseObject({ id: z.string() });
type Message = Transcript['messages'][number];

describe('verifying a transcript', function () {
  this.timeout(60_000);
  let world: World;
  let doctor: Visitor;
  let maria: Visitor;
  let path = '';
  let whole: Transcript;

  before(async () => {
    world = await World.open({ env: { PRMS_ANCHOR_EVERY_MESSAGES: '4' } });
    const north = await world.hospital('North');
    doctor = await world.doctor('Adeyemi', north);
    maria = await world.patient('Maria');
    await world.care(maria, doctor, north);
    const wish = { patient: maria.userId, hospital: north.userId };
    const { id } = await doctor.post('/consultations', wish, created);
    path = `/patients/${maria.userId}/consultations/${id}`;
    await doctor.ask('POST', `${path}/admit`, { user: maria.userId });
    for (let n = 1; n <= 3; n++) {
      await doctor.ask('POST', `${path}/messages`, { text: `question ${n}` });
      await maria.ask('POST', `${path}/messages`, { text: `answer ${n}` });
    }
    // The anchor that is due is on its way.
    for (let tries = 0; tries < 400; tries++) {
      const { count } = await maria.get(path, z.looseObject({ count: z.int() }));
      if (count >= 4) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
  after(() => world.close());

  const download = (who: Visitor) => who.get(`${path}/transcript`, transcriptSchema);
  const verify = async (
    transcript: unknown,
    ...expected: { block: number; hash: string }[]
  ): Promise<Verdict> => {
    const file = join(world.dataDir, 'transcript.json');
    await writeFile(file, JSON.stringify(transcript));
    return verifyFile(file, { expect: expected });
  };

  it('of one that is open: what is anchored, and what is not yet', async () => {
    const transcript = await download(doctor);
    const verdict = await verify(transcript);
    expect(verdict.problems).to.deep.equal([]);
    expect(verdict.facts).to.include({ messages: 6, opened: 6 });
    expect(verdict.facts['anchored']).to.be.within(4, 6);
    expect(verdict.notProven.join()).to.include('was open');
  });

  it('of one that is closed: everything holds, for both', async () => {
    await doctor.change(`${path}/close`);
    for (const who of [doctor, maria]) {
      whole = await download(who);
      const { anchor } = whole.chain;
      const verdict = await verify(whole, { block: anchor.height - 1, hash: anchor.headHash });
      expect(verdict).to.deep.include({
        kind: 'transcript',
        ok: true,
        problems: [],
        notProven: [],
      });
      expect(verdict.facts).to.include({ messages: 6, anchored: 6, opened: 6 });
    }
    const file = join(world.dataDir, 'transcript.json');
    const told: string[] = [];
    const output = {
      out: (text: string) => void told.push(text),
      err: (text: string) => void told.push(text),
    };
    expect(await verifyCommand([file], output)).to.equal(0);
    await writeFile(file, JSON.stringify(whole).replace('answer 2', 'answer X'));
    expect(await verifyCommand([file, '--json'], output)).to.equal(1);
    expect(told.join('')).to.include('message 4 holds another text');
  });

  it('without its key, by whoever may not read it: the ciphertexts still hold', async () => {
    const { key } = whole;
    const messages = whole.messages.map((each) => {
      const { text: _, ...rest } = { text: '', ...each };
      return rest;
    });
    const blind = { ...whole, key: { commitment: key?.commitment ?? '' }, messages };
    const verdict = await verify(blind);
    expect(verdict.problems).to.deep.equal([]);
    expect(verdict.notProven.join()).to.include('key is not included');
    const withTexts = { ...blind, messages: whole.messages };
    expect((await verify(withTexts)).problems.map(({ file }) => file)).to.deep.equal(['texts']);
  });

  it('finds whatever was changed, dropped, added, moved or forged', async () => {
    const { messages, anchors, participants } = whole;
    const [first, second] = messages;
    const other = (message: Message | undefined, change: object) =>
      messages.map((each) => (each === message ? { ...each, ...change } : each));
    const [one, two] = participants;
    const header = (change: object) => ({ consultation: { ...whole.consultation, ...change } });
    const stranger = { ...participants[0], id: 'A'.repeat(43) };
    const lies: Record<string, object> = {
      'a message is missing in the middle': { messages: messages.toSpliced(2, 1) },
      'the last one is missing': { messages: messages.slice(0, -1) },
      'two are swapped': { messages: [second, first, ...messages.slice(2)] },
      'one is there twice': { messages: [...messages, messages.at(-1)] },
      'another sender': { messages: other(first, { sender: maria.userId }) },
      'another time': { messages: other(first, { at: 5 }) },
      'another text': { messages: other(second, { text: 'yes' }) },
      'another ciphertext': {
        messages: other(second, { sealed: first && 'sealed' in first && first.sealed }),
      },
      'no key': { key: { commitment: 'A'.repeat(43) } },
      'another key': { key: { ...whole.key, secret: 'A'.repeat(43) } },
      'no close': { anchors: anchors.slice(0, -1) },
      'no close, and said to be open, with a message less': {
        anchors: anchors.slice(0, -1),
        messages: messages.slice(0, 3),
        consultation: { ...whole.consultation, status: 'open' },
      },
      'said to be open': { consultation: { ...whole.consultation, status: 'open' } },
      'no anchors': { anchors: [] },
      'an anchor twice': { anchors: [...anchors, anchors.at(-1)] },
      'anchors of a stranger': { participants: [stranger] },
      'another consultation': {
        consultation: { ...whole.consultation, id: '01J0000000000000000000000A' },
      },
      'another patient': header({ patient: stranger.id }),
      'another doctor': header({ doctor: stranger.id }),
      'another patient, who takes part': {
        ...header({ patient: stranger.id }),
        participants: [
          ...participants.filter(({ id }) => id === doctor.userId),
          { ...participants.find(({ id }) => id === maria.userId), role: 'relative' },
          { ...stranger, role: 'patient' },
        ],
      },
      'another doctor, who takes part': {
        ...header({ doctor: stranger.id }),
        participants: [...participants, { ...stranger, role: 'doctor' }],
      },
      'another hospital': header({ hospital: stranger.id }),
      'opened at another time': header({ openedAt: whole.consultation.openedAt - 1 }),
      'swapped roles': {
        participants: [
          { ...one, role: two?.role },
          { ...two, role: one?.role },
        ],
      },
      'a participant less': { participants: participants.filter(({ id }) => id !== maria.userId) },
      'a participant twice': { participants: [...participants, one] },
      'a participant who did nothing': {
        participants: [...participants, { ...stranger, role: 'relative' }],
      },
      'another ledger': { ledger: 'other' },
      'a chain that was cut': { chain: { ...whole.chain, hashes: whole.chain.hashes?.slice(43) } },
      'another head': {
        chain: { ...whole.chain, anchor: { ...whole.chain.anchor, headHash: 'f'.repeat(64) } },
      },
    };
    for (const [what, change] of Object.entries(lies)) {
      const verdict = await verify({ ...whole, ...change });
      expect(verdict.ok, what).to.equal(false);
      expect(verdict.problems, what).to.not.be.empty;
      expect(verdict.proven, what).to.deep.equal([]);
    }
    const noted = { block: 1, hash: 'f'.repeat(64) };
    expect((await verify(whole, noted)).problems[0]?.message).to.include('another hash');
  });

  it('an operation in an anchor can’t be another one, with the ledger’s chain or without', async () => {
    const close = whole.anchors.at(-1)?.proof;
    const [line] = close?.lines ?? [];
    if (!close || !line) throw new Error('it was closed');
    const forged = [
      { ...line, line: line.line.replace(/"count":6/, '"count":5') },
      { ...line, answer: { path: [], line: '{"id":"x","status":"applied"}' } },
    ];
    const { hashes: _, ...noChain } = whole.chain;
    for (const chain of [whole.chain, noChain]) {
      expect((await verify({ ...whole, chain })).ok).to.equal(true);
      for (const lines of [...forged.map((each) => [each]), []]) {
        const anchors = [...whole.anchors.slice(0, -1), { proof: { ...close, lines } }];
        expect((await verify({ ...whole, chain, anchors })).ok).to.equal(false);
      }
    }
  });

  it('says that a file is no transcript', async () => {
    const verdict = await verify({ kind: 'prms-transcript', v: 1 });
    expect(verdict.problems[0]?.message).to.include('no transcript');
  });
});
