// A re-keying by two hospitals: its user sees it wherever they are, can say no with the old keys, and nothing is completed
// before the notice period is over.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { operationId, possessionText } from '@prms/chaincode';
import { z } from 'zod';
import type { Notice } from '../services/notices.js';
import { signP256 } from '../vault/index.js';
import { newPair, OwnKeyPerson, publicText } from './own-key-person.js';
import { Talker } from './talker.js';
import { problemOf, World, type Visitor } from './world.js';

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;
const noticesSchema = z.looseObject({
  notices: z.array(z.looseObject({ kind: z.string(), status: z.string(), proposal: z.string() })),
});

describe('a re-keying that is about to happen', () => {
  let world: World;
  let north: Visitor;
  let south: Visitor;

  before(async () => {
    world = await World.open();
    north = await world.hospital('North');
    south = await world.hospital('South', north);
  });
  after(() => world.close());

  /** New keys that somebody who says that they are the user has made; by two hospitals. */
  const propose = async (user: string): Promise<string> => {
    const [sign, seal] = [newPair(), newPair()];
    const proofId = operationId(world.clock.now(), randomBytes(10));
    const text = Buffer.from(possessionText(user, proofId), 'utf8');
    const proof = Buffer.from(signP256(sign.privateKey, text)).toString('base64url');
    const keys = { sign: publicText(sign), seal: publicText(seal) };
    const receipt = await north.change(`/users/${user}/recovery`, { keys, proof, proofId });
    return receipt.id;
  };
  const second = (user: string, proposal: string) =>
    south.change(`/users/${user}/recovery/${proposal}/second`);
  const completing = (user: string, proposal: string) =>
    north.fails('POST', `/users/${user}/recovery/${proposal}/complete`);

  /** Looks on every channel. @returns the notice's status, which must be the same on each; '' when there is none */
  const seen = async (who: Visitor, logIn: () => Promise<string>): Promise<string> => {
    const me = await who.ask('GET', '/me');
    const header = me.headers.get('prms-notice');
    const [notice] = noticesSchema.parse(me.body).notices;
    expect(header).to.equal(notice ? notice.kind : null);
    // On refusals, too.
    const refused = await who.ask('GET', '/emergencies');
    expect(problemOf(refused).code).to.equal('FORBIDDEN');
    expect(refused.headers.get('prms-notice')).to.equal(header);
    expect(await logIn()).to.equal(notice?.status ?? '');
    return notice?.status ?? '';
  };
  const byPassword = (who: Visitor) => async () => {
    const body = { login: who.login, password: who.password, kind: 'bearer' };
    const { notices } = await world.visitor(who.login).post('/sessions', body, noticesSchema);
    return notices[0]?.status ?? '';
  };

  it('is seen on each channel, from a session that began before, and is objected to', async () => {
    const maria = await world.patient('Maria');
    const logIn = byPassword(maria);
    expect(await seen(maria, logIn)).to.equal('');
    const pushed: string[] = [];
    const { notices } = world.gateway.services;
    const end = notices.subscribe(
      maria.userId,
      ([first]: readonly Notice[]) =>
        void pushed.push(first?.kind === 'key-recovery' ? first.status : ''),
    );
    const proposal = await propose(maria.userId);
    expect(await seen(maria, logIn)).to.equal('proposed');
    await second(maria.userId, proposal);
    expect(await seen(maria, logIn)).to.equal('seconded');
    const [told] = await notices.of(maria.userId);
    expect(told).to.deep.include({ proposal, proposer: north.userId, seconder: south.userId });
    expect(told).to.include({ endsAt: world.clock.now() + WEEK_MS });
    await maria.change(`/me/recovery/${proposal}/object`);
    expect(await seen(maria, logIn)).to.equal('');
    expect(pushed).to.deep.equal(['proposed', 'seconded', '']);
    end();
    world.clock.advance(WEEK_MS);
    await north.logIn();
    expect(await completing(maria.userId, proposal)).to.equal('REFUSED:WRONG_STATE');
    await maria.logIn();
    expect(await seen(maria, logIn)).to.equal('');
  });

  it('reaches people who keep their keys, and their signed objection ends it', async () => {
    const olga = await new OwnKeyPerson(world, 'olga').register();
    const logIn = async () => {
      const answer = await olga.answer();
      const { notices } = await world.visitor('olga').post('/key-logins', answer, noticesSchema);
      return notices[0]?.status ?? '';
    };
    await south.logIn();
    const proposal = await propose(olga.userId);
    expect(await seen(olga.visitor, logIn)).to.equal('proposed');
    await second(olga.userId, proposal);
    expect(await seen(olga.visitor, logIn)).to.equal('seconded');
    await olga.act('key:object', { proposal });
    expect(await seen(olga.visitor, logIn)).to.equal('');
    expect(await completing(olga.userId, proposal)).to.equal('REFUSED:WRONG_STATE');
  });

  it('is pushed to whoever sits at a consultation, and told to whoever comes to one', async () => {
    await north.logIn();
    const doctor = await world.doctor('Adeyemi', north);
    const maria = await world.patient('Maria-who-talks');
    await world.care(maria, doctor, north);
    const wish = { patient: maria.userId, hospital: north.userId };
    const { id } = await doctor.post('/consultations', wish, z.looseObject({ id: z.string() }));
    const path = `/patients/${maria.userId}/consultations/${id}`;
    const line = Talker.at(world.url, path, maria);
    await line.welcomed();
    const proposal = await propose(maria.userId);
    const [pushed] = noticesSchema.parse(await line.next('notice')).notices;
    expect(pushed).to.include({ kind: 'key-recovery', status: 'proposed', proposal });
    const again = Talker.at(world.url, path, maria);
    const [told] = noticesSchema.parse(await again.next('notice')).notices;
    expect(told).to.include({ status: 'proposed', proposal });
    await maria.change(`/me/recovery/${proposal}/object`);
    expect(noticesSchema.parse(await line.next('notice')).notices).to.deep.equal([]);
    line.drop();
    again.drop();
  });

  it('is completed after the notice period, not before', async () => {
    const olga = await new OwnKeyPerson(world, 'olga-too').register();
    const proposal = await propose(olga.userId);
    await second(olga.userId, proposal);
    expect(await completing(olga.userId, proposal)).to.equal('REFUSED:NOTICE_RUNNING');
    world.clock.advance(WEEK_MS - 1);
    await north.logIn();
    expect(await completing(olga.userId, proposal)).to.equal('REFUSED:NOTICE_RUNNING');
    world.clock.advance(1);
    await north.change(`/users/${olga.userId}/recovery/${proposal}/complete`);
    const old = await olga.answer();
    expect(await olga.visitor.fails('POST', '/key-logins', old)).to.equal('WRONG_CREDENTIALS');
  });

  it('has a notice period that whoever founds the ledger sets, and the ledger keeps', async () => {
    const other = await World.open({ env: { PRMS_RECOVERY_NOTICE_DAYS: '2' } });
    await other.hospital('North');
    const { recoveryNoticeMs } = await other.gateway.services.records.genesis();
    await other.close();
    expect(recoveryNoticeMs).to.equal(2 * 24 * 60 * 60 * 1000);
  });
});
