// Junk in place of a consultation's key: a participant who wraps nonsense for another spoils nothing for good, whoever keeps
// their keys where.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { kidOf } from '@prms/chaincode';
import { z } from 'zod';
import { createLog } from '../logging.js';
import { commitToKey } from '../services/consultations/index.js';
import { unwrapKey, wrapKey } from '../vault/index.js';
import { OwnKeyPerson } from './own-key-person.js';
import { World, type Visitor } from './world.js';

const created = z.looseObject({ id: z.string() });
const wrapSchema = z.object({ recipient: z.string(), kid: z.string(), wrapped: z.string() });
const keySchema = z.object({ commitment: z.string(), wraps: z.array(wrapSchema) });
type Wrap = z.infer<typeof wrapSchema>;

describe('junk wraps of a consultation’s key', function () {
  this.timeout(30_000);
  const lines: string[] = [];
  let world: World;
  let north: Visitor;
  let doctor: Visitor;
  let olga: OwnKeyPerson;
  let gina: OwnKeyPerson;
  let path: string;
  let consultation: string;
  let people = 0;

  before(async () => {
    const destination = { write: (line: string) => void lines.push(line) };
    world = await World.open({ log: createLog({ level: 'info', destination }) });
    north = await world.hospital('North');
    doctor = await world.doctor('Adeyemi', north);
  });
  after(() => world.close());

  /** A consultation of a doctor whose keys are here with a patient and a guardian who keep theirs. */
  const open = async () => {
    olga = await new OwnKeyPerson(world, `olga-${++people}`).register();
    gina = await new OwnKeyPerson(world, `gina-${people}`, 'relative').register();
    const hospital = north.userId;
    const patient = olga.userId;
    const care = await olga.act('care:request', { doctor: doctor.userId, hospital });
    await doctor.change(`/care/${patient}/${care.id}/approve`, { replaces: 1 });
    const notAfter = world.clock.now() + 86_400_000;
    const rights = ['guardian' as const];
    await olga.act('kin:link', { patient, relative: gina.userId, rights, notAfter });
    ({ id: consultation } = await doctor.post('/consultations', { patient, hospital }, created));
    path = `/patients/${patient}/consultations/${consultation}`;
    for (const { userId: user } of [olga, gina])
      await doctor.ask('POST', `${path}/admit`, { user });
  };

  const sealOf = async ({ userId }: { userId: string }) =>
    (await world.gateway.services.records.user(userId)).keys.seal;
  const wrapFor = async (whom: { userId: string }, secret: Uint8Array): Promise<Wrap> => {
    const seal = await sealOf(whom);
    const { userId: recipient } = whom;
    const named = { recipient, kid: kidOf(seal) };
    const wrapped = await wrapKey({
      ...{ purpose: 'consultation', ledger: 'records', subject: consultation, secret },
      ...named,
      recipientPublicKey: Buffer.from(seal, 'base64url'),
    });
    return { ...named, wrapped: Buffer.from(wrapped).toString('base64url') };
  };
  /** Something that opens, and holds another key; or nothing that opens at all. */
  const junkFor = async (whom: { userId: string }, opens = true): Promise<Wrap> => {
    const junk = await wrapFor(whom, randomBytes(32));
    return opens ? junk : { ...junk, wrapped: `${junk.wrapped.slice(0, -8)}AAAAAAAA` };
  };
  const give = async (who: OwnKeyPerson, commitment: string, ...wraps: Wrap[]) => {
    const answer = await who.visitor.ask('PUT', `${path}/key`, { commitment, wraps });
    expect(answer.status).to.equal(204);
  };
  const keyOf = (who: Visitor) => who.get(`${path}/key`, keySchema);
  /** How many of somebody's wraps open to the consultation's key. */
  const opening = async (person: OwnKeyPerson) => {
    const { commitment, wraps } = await keyOf(person.visitor);
    const opened = await Promise.all(
      wraps.map(async ({ recipient, kid, wrapped }) => {
        const binding = {
          purpose: 'consultation',
          ledger: 'records',
          subject: consultation,
        } as const;
        const { privateKey: recipientPrivateKey } = person.sealing;
        const bytes = Buffer.from(wrapped, 'base64url');
        return unwrapKey({
          ...binding,
          recipient,
          kid,
          recipientPrivateKey,
          wrapped: bytes,
        }).catch(() => undefined);
      }),
    );
    const good = opened.filter((key) => key && commitToKey(consultation, key) === commitment);
    return { good: good.length, of: wraps.length, key: good[0], commitment };
  };
  const saying = (text: string) =>
    doctor.fails('POST', `${path}/messages`, {
      id: `message-${randomBytes(6).toString('hex')}`,
      text,
    });
  const says = async (text: string) => {
    const message = { id: `message-${randomBytes(6).toString('hex')}`, text };
    expect((await doctor.ask('POST', `${path}/messages`, message)).status).to.equal(201);
  };
  const removals = () =>
    lines
      .map((line) => z.looseObject({ event: z.string() }).parse(JSON.parse(line)))
      .filter(({ event }) => event === 'consultation.wrap-removed');

  for (const opens of [true, false])
    it(`for a doctor whose keys are here (${opens ? 'another key' : 'opens not at all'}): gone once met, again and again, until a good one comes`, async () => {
      await open();
      const secret = new Uint8Array(randomBytes(32));
      const commitment = commitToKey(consultation, secret);
      await give(olga, commitment, await wrapFor(olga, secret), await junkFor(doctor, opens));
      for (let time = 1; time <= 2; time++) {
        lines.length = 0;
        expect(await saying('Good morning.')).to.equal('NOT_FOUND');
        expect(removals()).to.have.length(1);
        expect(removals()[0]).to.include({
          operationId: consultation,
          userId: olga.userId,
          recipientId: doctor.userId,
        });
        expect((await keyOf(doctor)).wraps).to.deep.equal([]);
        await give(olga, commitment, await junkFor(doctor, opens));
      }
      // Another's good one helps, whatever lies beside it; what opens is kept, and wrapped here from then on.
      await give(olga, commitment, await wrapFor(gina, secret));
      await give(gina, commitment, await wrapFor(doctor, secret));
      await says('Good morning.');
      await give(olga, commitment, await junkFor(doctor, opens));
      await give(gina, commitment, await junkFor(doctor, opens));
      await says('Still here.');
    });

  it('for a patient with new keys: whoever has the key hands it on beside the junk', async () => {
    await open();
    await says('Good morning.');
    const { good, commitment } = await opening(gina);
    expect(good).to.equal(1);
    const { version } = await world.gateway.services.records.user(olga.userId);
    const { line, take } = olga.rotation(version);
    expect((await olga.send(line)).status).to.equal('applied');
    take();
    await olga.logIn();
    await give(gina, commitment, await junkFor(olga));
    expect(await opening(olga)).to.include({ good: 0, of: 2 });

    await says('How are you?');
    expect(await opening(olga)).to.include({ good: 1, of: 3 });
    // What she has wrapped for herself is nobody's to spoil; what the gateway has made comes first.
    await give(gina, commitment, await junkFor(olga, false));
    const { wraps } = await keyOf(olga.visitor);
    expect(wraps.filter(({ kid }) => kid === kidOf(olga.keys.seal))).to.have.length(2);
    const { good: still, key } = await opening(olga);
    expect(still).to.equal(1);
    if (!key) throw new Error('it opens');
    await give(olga, commitment, await wrapFor(olga, key));
    expect(await opening(olga)).to.include({ good: 2, of: 4 });
  });

  it('among people who all keep their keys: the next one’s good wrap lies beside the junk', async () => {
    await open();
    const secret = new Uint8Array(randomBytes(32));
    const commitment = commitToKey(consultation, secret);
    await give(gina, commitment, await wrapFor(gina, secret), await junkFor(olga));
    expect(await opening(olga)).to.include({ good: 0, of: 1 });
    await give(gina, commitment, await junkFor(olga), await wrapFor(doctor, secret));
    expect(await opening(olga)).to.include({ good: 0, of: 1 });
    await says('I hand it on.');
    expect(await opening(olga)).to.include({ good: 1, of: 2 });
  });

  it('another key for the same consultation, and wraps for strangers or by them, are refused', async () => {
    await open();
    await says('Good morning.');
    const { commitment } = await opening(olga);
    const put = (who: Visitor, body: object) => who.fails('PUT', `${path}/key`, body);
    const other = commitToKey(consultation, randomBytes(32));
    const wraps = [await junkFor(gina)];
    expect(await put(gina.visitor, { commitment: other, wraps })).to.equal('CONFLICT');
    const stranger = await new OwnKeyPerson(world, `eve-${++people}`).register();
    const forEve = { commitment, wraps: [await junkFor(stranger)] };
    expect(await put(gina.visitor, forEve)).to.equal('VALIDATION');
    const byEve = { commitment, wraps: [await junkFor(olga)] };
    expect(await put(stranger.visitor, byEve)).to.equal('FORBIDDEN');
    expect(await opening(olga)).to.include({ good: 1, of: 1 });
    const seen = await doctor.get(`${path}/messages?after=0`, z.looseObject({}));
    expect(JSON.stringify(seen)).to.include('Good morning.');
  });
});
