// Somebody who keeps their own keys has lost them. Two hospitals put new ones in their place; when the notice period is over
// the record opens with the new ones, and the old ones are worth nothing any more.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { operationId, possessionText } from '@prms/chaincode';
import { z } from 'zod';
import { signP256 } from '../vault/index.js';
import { newPair, OwnKeyPerson, publicText } from './own-key-person.js';
import { preparedSchema, receivedSchema } from '../own-key-client/index.js';
import { text, World, type Visitor } from './world.js';

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;
const PLAIN = text('my own measurements');
const noticesSchema = z.looseObject({
  notices: z.array(z.looseObject({ kind: z.string(), status: z.string() })),
});

describe('a re-keying of somebody who keeps their own keys', () => {
  let world: World;
  let north: Visitor;
  let south: Visitor;
  let olga: OwnKeyPerson;
  let report: string;

  beforeEach(async () => {
    world = await World.open();
    north = await world.hospital('North');
    south = await world.hospital('South', north);
    olga = await new OwnKeyPerson(world, 'olga').register(north.userId);
    const { keys } = await world.gateway.services.records.user(north.userId);
    await olga.furnish({ id: north.userId, seal: keys.seal });
    report = await added();
  });
  afterEach(() => world.close());

  /** A report that only Olga, and the hospital she has named for emergencies, can open. */
  const added = async (): Promise<string> => {
    const path = `/patients/${olga.userId}/sealed-reports`;
    const { id } = await olga.visitor.post(path, {}, preparedSchema);
    const sealed = olga.seal(id, PLAIN);
    const { terms } = receivedSchema.parse(
      (await olga.visitor.ask('PUT', `${path}/${id}`, sealed.form())).body,
    );
    await olga.put(olga.userId, [await olga.wrap('report', id, olga.vault, sealed.dataKey)]);
    await olga.act('report:anchor', { patient: olga.userId, report: terms }, sealed.twist);
    return id;
  };
  /** New keys of Olga's, which two hospitals propose. */
  const proposed = async () => {
    const [signing, sealing] = [newPair(), newPair()];
    const proofId = operationId(world.clock.now(), randomBytes(10));
    const possession = Buffer.from(possessionText(olga.userId, proofId), 'utf8');
    const proof = Buffer.from(signP256(signing.privateKey, possession)).toString('base64url');
    const keys = { sign: publicText(signing), seal: publicText(sealing) };
    const path = `/users/${olga.userId}/recovery`;
    const { id } = await north.change(path, { keys, proof, proofId });
    await south.change(`${path}/${id}/second`);
    return { place: `${path}/${id}`, fresh: { signing, sealing } };
  };
  const completed = async () => {
    const { place, fresh } = await proposed();
    world.clock.advance(WEEK_MS - 1);
    await north.logIn();
    // A session that outlasts the notice period.
    await olga.logIn();
    world.clock.advance(1);
    await north.change(`${place}/complete`);
    await world.gateway.services.aftermath.run();
    return fresh;
  };
  const logInFails = async () =>
    world.visitor('olga').fails('POST', '/key-logins', await olga.answer());
  const reads = async () => Buffer.from((await olga.read(olga.userId, report)).bytes);

  it('until the notice period is over the old keys read, and the new ones do nothing', async () => {
    const { place, fresh } = await proposed();
    world.clock.advance(WEEK_MS - 1);
    await north.logIn();
    expect(await north.fails('POST', `${place}/complete`)).to.equal('REFUSED:NOTICE_RUNNING');
    await olga.logIn();
    const { notices } = await olga.visitor.get('/me', noticesSchema);
    expect(notices).to.have.length(1);
    expect(notices[0]).to.include({ kind: 'key-recovery', status: 'seconded' });
    expect(await reads()).to.deep.equal(Buffer.from(PLAIN));
    Object.assign(olga, fresh);
    expect(await logInFails()).to.equal('WRONG_CREDENTIALS');
    const refused = await olga.send(olga.line('user:escrow', { escrow: null, replaces: 1 }));
    expect(refused).to.include({ status: 'refused', code: 'KEY_NOT_CURRENT' });
  });

  it('afterwards the old keys sign, log in and keep a session no more', async () => {
    const fresh = await completed();
    expect(await olga.visitor.fails('GET', '/me')).to.equal('UNAUTHENTICATED');
    expect(await logInFails()).to.equal('WRONG_CREDENTIALS');
    const wish = { patient: olga.userId, report, action: 'view', purpose: 'treatment' } as const;
    const old = olga.line('access:request', wish);
    Object.assign(olga, fresh);
    await olga.logIn();
    expect(await olga.send(old)).to.include({ status: 'refused', code: 'KEY_NOT_CURRENT' });
    const { notices } = await olga.visitor.get('/me', noticesSchema);
    expect(notices).to.deep.equal([]);
  });

  it('the hospital for emergencies hands the vault on, and the new keys read', async () => {
    const old = olga.sealing;
    const fresh = await completed();
    Object.assign(olga, fresh);
    await olga.logIn();
    // The record's key is still wrapped for the keys that are lost.
    const before = await olga.read(olga.userId, report).catch((error: unknown) => error);
    expect(before).to.be.instanceOf(Error);
    const vault = `/users/${olga.userId}/recovery/vault`;
    const restored = z.object({ restored: z.boolean() });
    await south.logIn();
    expect(await south.post(vault, undefined, restored)).to.deep.equal({ restored: false });
    expect(await north.post(vault, undefined, restored)).to.deep.equal({ restored: true });
    expect(await reads()).to.deep.equal(Buffer.from(PLAIN));
    // And what is added from now on, too; with the old unsealing key none of it opens.
    report = await added();
    expect(await reads()).to.deep.equal(Buffer.from(PLAIN));
    olga.sealing = old;
    expect(await reads().catch(() => 'closed')).to.equal('closed');
  });
});
