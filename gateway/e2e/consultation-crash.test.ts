// Killed in the middle of a conversation: what was acknowledged is there once, in its place, and the chain goes on.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { shownSchema, transcriptSchema } from '../services/consultations/index.js';
import { temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { checkTranscript } from '../verify/index.js';
import { Life } from './life.js';
import { visitorAt } from './load/index.js';
import { Talker } from './talker.js';
import { SETUP_CODE } from './world.js';

const LIVES = 3;
const created = z.looseObject({ id: z.string() });
const listed = z.object({ items: z.array(shownSchema) });

describe('a gateway that is killed while people talk', function () {
  this.timeout(120_000);
  let folder: TemporaryFolder;
  let life: Life | undefined;
  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(async () => {
    await life?.kill();
    await folder.remove();
  });

  const begin = async (): Promise<string> => {
    const env = { PRMS_ANCHOR_EVERY_MESSAGES: '5', PRMS_SOCKET_FRAMES_PER_MINUTE: '100000' };
    life = await Life.begin(folder.path, env);
    return life.url;
  };

  it('loses and doubles no acknowledged message, and anchors what was left', async () => {
    let url = await begin();
    const north = await visitorAt(url, 'north').register('hospital', {
      profile: { name: 'North' },
      setupCode: SETUP_CODE,
    });
    const bruun = await visitorAt(url, 'bruun').register('doctor', { profile: { name: 'Bruun' } });
    const maria = await visitorAt(url, 'maria').register('patient', {
      details: { name: 'Maria' },
      escrow: null,
    });
    const hospital = north.userId;
    const asked = await bruun.change('/affiliations', { hospital });
    await north.change(`/affiliations/${bruun.userId}/authorise`, { replaces: asked.version });
    const care = await maria.change('/care', { doctor: bruun.userId, hospital });
    await bruun.change(`/care/${maria.userId}/${care.id}/approve`, { replaces: care.version });
    const { id } = await bruun.post('/consultations', { patient: maria.userId, hospital }, created);
    const path = `/patients/${maria.userId}/consultations/${id}`;
    await bruun.ask('POST', `${path}/admit`, { user: maria.userId });

    const acknowledged = new Map<string, { number: number; head: string }>();
    let unsure: string[] = [];
    for (let number = 0; number < LIVES; number++) {
      if (number > 0) url = await begin();
      const people = await Promise.all(
        ['bruun', 'maria'].map((who) => visitorAt(url, who).logIn()),
      );
      const talkers = people.map((who) => Talker.at(url, path, who));
      for (const talker of talkers) {
        await talker.join();
        await talker.next('joined');
      }
      // What nobody knows the fate of is sent again by whoever said it.
      for (const lost of unsure) {
        const talker = talkers[Number(lost.slice(-1))];
        const { number: at, head } = (await talker?.say(lost, lost)) ?? { number: 0, head: '' };
        acknowledged.set(lost, { number: at, head });
      }
      const sent = new Set<string>();
      const ends = talkers.map(async (talker, who) => {
        for (let n = 0; talker.closedWith === undefined; n++) {
          const message = `life-${number}-message-${n}-of-${who}`;
          sent.add(message);
          talker.send({ type: 'say', id: message, text: message });
          const ack = await answered(talker, message);
          if (ack) acknowledged.set(message, ack);
        }
      });
      await sleep(300 + Math.random() * 300);
      await life?.kill();
      await Promise.all(ends);
      unsure = [...sent].filter((message) => !acknowledged.has(message));
    }
    expect(acknowledged.size).to.be.greaterThan(LIVES * 2);

    url = await begin();
    const [doctor, patient] = await Promise.all(
      ['bruun', 'maria'].map((who) => visitorAt(url, who).logIn()),
    );
    if (!doctor || !patient) throw new Error('both have logged in');
    const { items } = await patient.get(`${path}/messages?limit=1000`, listed);
    expect(items.map(({ number }) => number)).to.deep.equal(items.map((_, at) => at + 1));
    expect(new Set(items.map((each) => each.id)).size).to.equal(items.length);
    for (const [text, { number, head }] of acknowledged)
      expect(items[number - 1], text).to.deep.include({ number, head, id: text, text });
    await doctor.change(`${path}/close`);
    const transcript = await patient.get(`${path}/transcript`, transcriptSchema);
    const verdict = await checkTranscript(transcript, { expect: [] });
    expect(verdict.problems).to.deep.equal([]);
    expect(verdict.facts['anchored']).to.equal(items.length);
  });
});

/** The acknowledgement of a message; nothing when the line broke first. */
async function answered(
  talker: Talker,
  message: string,
): Promise<{ number: number; head: string } | undefined> {
  for (;;) {
    const at = talker.frames.findIndex((frame) => frame.type === 'ack' && frame.id === message);
    const [found] = at < 0 ? [] : talker.frames.splice(at, 1);
    if (found?.type === 'ack') return found;
    if (talker.closedWith !== undefined) return undefined;
    await sleep(1);
  }
}
