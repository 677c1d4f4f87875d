// What follows an operation that somebody signed elsewhere: erased objects, wraps of those who left, sessions of old keys; and
// that a cloud that is away, or a restart, only delays it.
import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { canonicalise, kidOf } from '@prms/chaincode';
import { UndeletingCloud } from './breakable-clouds.js';
import { newPair, OwnKeyPerson, publicText, type SentWrap } from './own-key-person.js';
import { preparedSchema, receivedSchema } from '../own-key-client/index.js';
import { text, World } from './world.js';

const READS = { actions: ['view' as const], purposes: ['treatment' as const] };

describe('what follows operations signed elsewhere', () => {
  let world: World;
  let olga: OwnKeyPerson;
  let rosa: OwnKeyPerson;
  const wraps = new UndeletingCloud();

  before(async () => {
    world = await World.open({ wrapCloud: wraps.over });
    await world.hospital('North');
    olga = await new OwnKeyPerson(world, 'olga').register();
    await olga.furnish();
    rosa = await new OwnKeyPerson(world, 'rosa', 'relative').register();
  });
  after(() => world.close());

  const nameOf = ({ wrap: _, ...binding }: SentWrap): string =>
    createHash('sha256')
      .update(`PRMS-wrap-name-v1\0${canonicalise({ ...binding, ledger: 'records' })}`)
      .digest('base64url');
  const lies = async (name: string) => (await world.objects()).has(name);
  const settle = () => world.gateway.services.aftermath.run();
  const vault = () => ({ id: olga.userId, seal: publicText(olga.epoch.pair) });

  /** The next epoch, as the patient makes it: the link back, and the new key for themselves. */
  const renew = async (): Promise<{ number: number; key: string }> => {
    const [before, pair] = [olga.epoch, newPair()];
    const next = { number: before.number + 1, pair };
    const key = publicText(pair);
    const link = await olga.wrap(
      'epoch',
      `${olga.userId}.${before.number}`,
      { id: olga.userId, seal: key },
      before.pair.privateKey,
    );
    const subject = `${olga.userId}.${next.number}.${kidOf(key)}`;
    const own = await olga.wrap('epoch', subject, olga.self, pair.privateKey);
    await olga.put(olga.userId, [link, own]);
    olga.epoch = next;
    return { number: next.number, key };
  };

  const report = async (): Promise<{ id: string; dataKey: Uint8Array; objects: string[] }> => {
    const path = `/patients/${olga.userId}/sealed-reports`;
    const { id } = await olga.visitor.post(path, {}, preparedSchema);
    const sealed = olga.seal(id, text('to be erased'));
    const answer = await olga.visitor.ask('PUT', `${path}/${id}`, sealed.form());
    const { terms } = receivedSchema.parse(answer.body);
    await olga.put(olga.userId, [await olga.wrap('report', id, vault(), sealed.dataKey)]);
    await olga.act('report:anchor', { patient: olga.userId, report: terms }, sealed.twist);
    return {
      id,
      dataKey: sealed.dataKey,
      objects: [...terms.parts, terms.label].map(({ object }) => object),
    };
  };

  it('an erasure destroys pictures, label and wraps, of an earlier epoch, too', async () => {
    const { id, dataKey, objects } = await report();
    const wrap = nameOf(await olga.wrap('report', id, vault(), dataKey));
    expect(await lies(wrap)).to.equal(true);
    await olga.act('user:escrow', { escrow: null, replaces: 1, epoch: await renew() });
    await olga.act('report:erase', { patient: olga.userId, id, replaces: 1 });
    await world.gateway.services.erasures.finish();
    for (const name of [wrap, ...objects]) expect(await lies(name), name).to.equal(false);
  });

  it('an erasure finds wraps for people who never had a consent', async () => {
    const { id, dataKey } = await report();
    const given = await olga.wrap('report', id, rosa.self, dataKey);
    expect(await olga.put(olga.userId, [given])).to.deep.equal([true]);
    expect(await lies(nameOf(given))).to.equal(true);
    await olga.act('report:erase', { patient: olga.userId, id, replaces: 1 });
    await world.restart();
    await world.gateway.services.erasures.finish();
    expect(await lies(nameOf(given))).to.equal(false);
  });

  it('a revoked full consent takes the vault’s key from its grantee, past epochs’ too; nobody else’s', async () => {
    await olga.act('kin:link', { patient: olga.userId, relative: rosa.userId, rights: ['view'] });
    const given = await olga.wrap(
      'epoch',
      olga.epochSubject,
      rosa.self,
      olga.epoch.pair.privateKey,
    );
    const own = nameOf(await olga.wrap('epoch', olga.epochSubject, olga.self, randomBytes(32)));
    await olga.put(olga.userId, [given]);
    const grantee = { kind: 'user' as const, id: rosa.userId };
    const terms = {
      ...READS,
      effect: 'permit' as const,
      grantee,
      scope: { kind: 'full' as const },
    };
    const { id } = await olga.act('consent:grant', { patient: olga.userId, terms });
    expect(await lies(nameOf(given))).to.equal(true);
    const epoch = await renew();
    await olga.act('consent:revoke', { patient: olga.userId, id, replaces: 1, epoch });
    expect(await settle()).to.equal(0);
    expect(await lies(nameOf(given))).to.equal(false);
    expect(await lies(own)).to.equal(true);
  });

  it('a revoked selective consent takes the report’s key, after the cloud and the gateway have been away', async () => {
    const { id: reportId, dataKey } = await report();
    const given = await olga.wrap('report', reportId, rosa.self, dataKey);
    await olga.put(olga.userId, [given]);
    const grantee = { kind: 'user' as const, id: rosa.userId };
    const scope = { kind: 'selective' as const, reports: [reportId] };
    const terms = { ...READS, effect: 'permit' as const, grantee, scope };
    const { id } = await olga.act('consent:grant', { patient: olga.userId, terms });
    wraps.away = true;
    await olga.act('consent:revoke', { patient: olga.userId, id, replaces: 1 });
    expect(await settle()).to.equal(1);
    expect(await lies(nameOf(given))).to.equal(true);
    await world.restart();
    expect(await settle()).to.equal(1);
    wraps.away = false;
    expect(await settle()).to.equal(0);
    expect(await lies(nameOf(given))).to.equal(false);
  });

  it('a rotation is followed: the old key logs in no more, and its sessions end', async () => {
    const { version } = await world.gateway.services.records.user(olga.userId);
    const { line, take } = olga.rotation(version);
    const before = { signing: olga.signing, sealing: olga.sealing };
    expect((await olga.send(line)).status).to.equal('applied');
    await settle();
    expect(await olga.visitor.fails('GET', '/me')).to.equal('UNAUTHENTICATED');
    olga.visitor.token = '';
    const old = await olga.answer();
    expect(await olga.visitor.fails('POST', '/key-logins', old)).to.equal('WRONG_CREDENTIALS');
    take();
    await olga.logIn();
    // What was wrapped for the earlier key is still found.
    const path = `/patients/${olga.userId}/wraps/epoch`;
    const answer = await olga.visitor.ask('GET', path);
    expect(answer.body).to.include({ kid: kidOf(publicText(before.sealing)) });
  });
});
