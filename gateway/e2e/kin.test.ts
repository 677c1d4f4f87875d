// Relatives through HTTP: what each right allows, that it allows no more, and that it ends.
import { expect } from 'chai';
import { z } from 'zod';
import { terms, text, World, type Visitor } from './world.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const kinSchema = z.object({
  items: z.array(z.looseObject({ patient: z.string(), link: z.looseObject({ id: z.string() }) })),
  bookmark: z.string(),
});

describe('relatives through HTTP', function () {
  this.timeout(30_000);
  let world: World;
  let north: Visitor;
  let doctor: Visitor;
  let maria: Visitor;
  let lena: Visitor;

  before(async () => {
    world = await World.open();
    north = await world.hospital('North');
    doctor = await world.doctor('Adeyemi', north);
  });
  beforeEach(async () => {
    [maria, lena] = [await world.patient('Maria'), await world.relative('Lena')];
  });
  after(() => world.close());

  const link = async (rights: readonly string[], notAfter?: number): Promise<string> =>
    (
      await maria.change(`/patients/${maria.userId}/kin`, {
        relative: lena.userId,
        rights,
        ...(notAfter !== undefined && { notAfter }),
      })
    ).id;
  const add = async (content: string) =>
    (await world.upload(maria, maria, { bytes: text(content), title: 'Secret title' })).id;
  const opens = async (who: Visitor, id: string, content: string, wish = {}) => {
    const bytes = await world.read(who, maria, id, { purpose: 'family', ...wish });
    expect(Buffer.from(bytes).toString('utf8')).to.equal(content);
  };

  it('view: sees that reports exist and the stored picture, no title, no content', async () => {
    const id = await add('a text');
    expect(await lena.fails('GET', `/patients/${maria.userId}/reports`)).to.equal('FORBIDDEN');
    await link(['view']);
    const { items } = await lena.get('/kin', kinSchema);
    expect(items.map(({ patient }) => patient)).to.deep.equal([maria.userId]);
    const [listed] = await world.reports(lena, maria);
    expect(listed).to.include({ id }).and.not.have.property('label');
    const picture = await lena.ask('GET', `/patients/${maria.userId}/reports/${id}/stego/0`);
    expect(Buffer.from(picture.bytes.subarray(1, 4)).toString('latin1')).to.equal('PNG');
    const refusal = await world.refused(lena, maria, id, { purpose: 'family' });
    expect(refusal).to.equal('REFUSED:NO_CONSENT');
    const [own] = await world.reports(maria, maria);
    expect(own?.label?.title).to.equal('Secret title');
  });

  it('view with a consent: opens what the consent names', async () => {
    const named = await add('named');
    const unnamed = await add('unnamed');
    await link(['view']);
    const scope = { kind: 'selective', reports: [named] };
    await world.grant(maria, maria, terms(lena, scope, { purposes: ['family'] }));
    await opens(lena, named, 'named');
    expect(await world.refused(lena, maria, unnamed, { purpose: 'family' })).to.equal(
      'REFUSED:NO_CONSENT',
    );
  });

  it('keep: adds reports, which the patient opens; can’t read or grant', async () => {
    await link(['keep']);
    const { id } = await world.upload(lena, maria, { bytes: text('kept') });
    await opens(maria, id, 'kept');
    expect(await world.refused(lena, maria, id, { purpose: 'family' })).to.equal(
      'REFUSED:NO_CONSENT',
    );
    expect(
      await lena.fails('POST', `/patients/${maria.userId}/consents`, { terms: terms(doctor) }),
    ).to.equal('REFUSED:NO_KIN_RIGHT');
  });

  it('consent: grants and revokes on the patient’s behalf; can’t read by that alone', async () => {
    const id = await add('a text');
    await link(['consent']);
    const wish = { purpose: 'treatment', actingFor: north.userId };
    const named = { kind: 'selective', reports: [id] };
    const consent = await world.grant(lena, maria, terms(doctor, named));
    await opens(doctor, id, 'a text', wish);
    await world.revoke(lena, maria, consent);
    expect(await world.refused(doctor, maria, id, wish)).to.equal('REFUSED:NO_CONSENT');
    // Full access she may give, not take: that would begin a vault epoch of her choosing.
    const full = await world.grant(lena, maria, terms(doctor));
    const revoke = `/patients/${maria.userId}/consents/${full}/revoke`;
    expect(await lena.fails('POST', revoke, { replaces: 1 })).to.equal('REFUSED:NO_KIN_RIGHT');
    expect(await world.refused(lena, maria, id, { purpose: 'family' })).to.equal(
      'REFUSED:NO_CONSENT',
    );
    // Whoever may consent may not name relatives, themselves included.
    expect(
      await lena.fails('POST', `/patients/${maria.userId}/kin`, {
        relative: lena.userId,
        rights: ['guardian'],
        notAfter: world.clock.now() + DAY_MS,
      }),
    ).to.match(/^REFUSED:/);
  });

  it('guardian: acts as the patient for a time, and not a moment longer', async () => {
    const id = await add('a text');
    const path = `/patients/${maria.userId}`;
    expect(
      await maria.fails('POST', `${path}/kin`, { relative: lena.userId, rights: ['guardian'] }),
    ).to.equal('REFUSED:END_REQUIRED');
    await link(['guardian'], world.clock.now() + DAY_MS);
    await opens(lena, id, 'a text');
    expect((await world.reports(lena, maria))[0]?.label?.title).to.equal('Secret title');
    const consent = await world.grant(lena, maria, terms(doctor));
    await world.revoke(lena, maria, consent);
    expect(await world.accesses(lena, maria)).to.have.length(1);

    world.clock.advance(DAY_MS);
    await Promise.all([lena.logIn(), maria.logIn(), doctor.logIn(), north.logIn()]);
    expect(await world.refused(lena, maria, id, { purpose: 'family' })).to.equal(
      'REFUSED:NO_KIN_RIGHT',
    );
    for (const [method, below] of [
      ['GET', '/reports'],
      ['GET', '/accesses'],
      ['GET', '/consents'],
      ['GET', `/reports/${id}/stego/0`],
      ['GET', `/history?kind=report&id=${id}`],
    ] as const) {
      expect(await lena.fails(method, path + below), below).to.equal('FORBIDDEN');
    }
    expect(await lena.fails('POST', `${path}/consents`, { terms: terms(doctor) })).to.equal(
      'REFUSED:NO_KIN_RIGHT',
    );
  });

  it('ended: a new epoch begins, the wraps are gone, nothing opens', async () => {
    const kin = await link(['consent', 'view']);
    await add('before');
    const before = new Set((await world.objects()).keys());
    await maria.change(`/patients/${maria.userId}/kin/${kin}/end`, { replaces: 1 });
    const after = await world.objects();
    expect([...before].filter((name) => !after.has(name))).to.have.length(1);
    expect(
      await lena.fails('POST', `/patients/${maria.userId}/consents`, { terms: terms(doctor) }),
    ).to.equal('REFUSED:NO_KIN_RIGHT');
    expect(await lena.fails('GET', `/patients/${maria.userId}/reports`)).to.equal('FORBIDDEN');
    expect((await lena.get('/kin', kinSchema)).items.filter(isActive)).to.deep.equal([]);
    const later = await add('after');
    await opens(maria, later, 'after');
  });

  it('amended from consent to view: the vault’s key is taken away', async () => {
    const kin = await link(['consent']);
    await maria.change(`/patients/${maria.userId}/kin/${kin}/amend`, {
      rights: ['view'],
      replaces: 1,
    });
    expect(
      await lena.fails('POST', `/patients/${maria.userId}/consents`, { terms: terms(doctor) }),
    ).to.equal('REFUSED:NO_KIN_RIGHT');
    await world.reports(lena, maria);
  });

  it('a relative ends a link of their own accord', async () => {
    const kin = await link(['consent']);
    await lena.change(`/patients/${maria.userId}/kin/${kin}/end`, { replaces: 1 });
    const id = await add('still mine');
    await opens(maria, id, 'still mine');
    await world.grant(maria, maria, terms(doctor));
    await opens(doctor, id, 'still mine', { purpose: 'treatment', actingFor: north.userId });
  });
});

const isActive = ({ link }: { readonly link: Readonly<Record<string, unknown>> }): boolean =>
  link['status'] === 'active';
