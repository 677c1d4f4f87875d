// Adding reports that the gateway can't read: prepared, handed in as ciphertext, anchored by their author's signature.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { z } from 'zod';
import { OwnKeyPerson, publicText } from './own-key-person.js';
import { preparedSchema, receivedSchema, type SealedReport } from '../own-key-client/index.js';
import { problemOf, smallCover, text, World } from './world.js';

const PLAIN = text('my own measurements');

describe('adding reports with keys of one’s own', () => {
  let world: World;
  let olga: OwnKeyPerson;

  before(async () => {
    world = await World.open({
      env: { PRMS_STEGO_LIMIT_BYTES: '4096', PRMS_PREPARED_REPORTS: '3' },
    });
    await world.hospital('North');
    olga = await new OwnKeyPerson(world, 'olga').register();
    await olga.furnish();
  });
  after(() => world.close());

  const prepare = (who = olga) =>
    who.visitor.post(`/patients/${olga.userId}/sealed-reports`, {}, preparedSchema);
  const put = (who: OwnKeyPerson, report: SealedReport) =>
    who.visitor.ask('PUT', `/patients/${olga.userId}/sealed-reports/${report.id}`, report.form());
  const failing = async (who: OwnKeyPerson, report: SealedReport) =>
    problemOf(await put(who, report)).code;
  const anchor = async (report: SealedReport, terms: z.infer<typeof receivedSchema>['terms']) => {
    const vault = {
      id: olga.userId,
      seal: publicText(olga.epoch.pair),
    };
    await olga.put(olga.userId, [await olga.wrap('report', report.id, vault, report.dataKey)]);
    return olga.act('report:anchor', { patient: olga.userId, report: terms }, report.twist);
  };

  for (const [kind, bytes] of [
    ['hidden', PLAIN],
    ['in chunks', randomBytes(5000)],
  ] as const) {
    it(`a report comes back as it went in: ${kind}`, async () => {
      const report = olga.seal((await prepare()).id, bytes, { cover: smallCover() });
      const answer = await put(olga, report);
      expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
      const { terms } = receivedSchema.parse(answer.body);
      expect(terms.storage).to.equal(kind === 'hidden' ? 'stego' : 'encrypted');
      await anchor(report, terms);
      const read = kind === 'hidden' ? await olga.read(olga.userId, report.id) : undefined;
      if (read) expect(Buffer.from(read.bytes)).to.deep.equal(Buffer.from(bytes));
      const listed = await world.reports(olga.visitor, olga.visitor);
      expect(listed.map(({ id }) => id)).to.include(report.id);
    });
  }

  it('tells for whom else the key is to be wrapped', async () => {
    const rosa = await new OwnKeyPerson(world, 'rosa', 'relative').register();
    await olga.act('kin:link', { patient: olga.userId, relative: rosa.userId, rights: ['view'] });
    const grantee = { kind: 'user' as const, id: rosa.userId };
    const scope = { kind: 'partial' as const, authors: [olga.userId] };
    const terms = {
      effect: 'permit' as const,
      grantee,
      scope,
      actions: ['view' as const],
      purposes: ['treatment' as const],
    };
    await olga.act('consent:grant', { patient: olga.userId, terms });
    const report = olga.seal((await prepare()).id, PLAIN);
    const received = receivedSchema.parse((await put(olga, report)).body);
    expect(received.wrapFor.map(({ id }) => id)).to.deep.equal([rosa.userId]);
    await olga.put(olga.userId, [await olga.wrap('report', report.id, rosa.self, report.dataKey)]);
    await anchor(report, received.terms);
    const { bytes, title } = await rosa.read(olga.userId, report.id);
    expect(Buffer.from(bytes)).to.deep.equal(Buffer.from(PLAIN));
    expect(title).to.equal('Sealed');
  });

  it('refuses what nobody prepared, what somebody else did, and what comes twice', async () => {
    const eve = await new OwnKeyPerson(world, 'eve').register();
    const path = `/patients/${olga.userId}/sealed-reports`;
    expect(await eve.visitor.fails('POST', path, {})).to.equal('REFUSED:WRONG_ROLE');
    expect(await failing(olga, olga.seal('01J0000000000000000000000A', PLAIN))).to.equal(
      'NOT_FOUND',
    );
    const { id } = await prepare();
    expect(await failing(eve, eve.seal(id, PLAIN))).to.equal('NOT_FOUND');
    const foreign = await eve.wrap('report', id, eve.self, randomBytes(32));
    const puts = await eve.visitor.fails('PUT', `/patients/${olga.userId}/wraps`, {
      wraps: [foreign],
    });
    expect(puts).to.equal('FORBIDDEN');
    const report = olga.seal(id, PLAIN);
    expect((await put(olga, report)).status).to.equal(201);
    expect(await failing(olga, report)).to.equal('CONFLICT');
  });

  it('refuses part keys that are too few, and a form that is none, and keeps the id good', async () => {
    const { id } = await prepare();
    const none = olga.seal(id, PLAIN, { parts: [] });
    expect(await failing(olga, none)).to.equal('VALIDATION');
    const absent = olga.seal(id, PLAIN, { parts: undefined });
    expect(await failing(olga, absent)).to.equal('BAD_REQUEST');
    const sealed = olga.seal(id, PLAIN);
    const twoMetas = () => {
      const form = sealed.form();
      form.append('meta', '{}');
      return form;
    };
    expect(await failing(olga, { ...sealed, form: twoMetas })).to.equal('BAD_REQUEST');
    const wrong = olga.seal(id, PLAIN, { meta: { commitment: 'x' } });
    expect(await failing(olga, wrong)).to.equal('VALIDATION');
    const huge = olga.seal(id, PLAIN, { meta: { label: 'A'.repeat(20_000) } });
    expect(await failing(olga, huge)).to.equal('VALIDATION');
    expect((await put(olga, olga.seal(id, PLAIN))).status).to.equal(201);
  });

  it('what is not anchored in time is forgotten, and its objects are gone', async () => {
    const before = (await world.objects()).size;
    world.clock.advance(25 * 60 * 60 * 1000);
    await olga.logIn();
    await world.gateway.services.ownUploads.sweep();
    expect((await world.objects()).size).to.be.lessThan(before);
    const report = olga.seal((await prepare()).id, PLAIN);
    expect((await put(olga, report)).status).to.equal(201);
    const stored = (await world.objects()).size;
    await world.gateway.services.ownUploads.sweep();
    expect((await world.objects()).size).to.equal(stored);
    await prepare();
    await prepare();
    const path = `/patients/${olga.userId}/sealed-reports`;
    expect(await olga.visitor.fails('POST', path, {})).to.equal('TOO_MANY');
  });
});
