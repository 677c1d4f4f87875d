// What the matrix's strangers leave behind, and what they may ask about themselves.
import { expect } from 'chai';
import { hospitalTerms, World, type Visitor } from '../world.js';
import { Home, type Who } from './home.js';

const STRANGERS = [
  'otherPatient',
  'strangeDoctor',
  'strangeRelative',
  'otherHospital',
  'unadmittedHospital',
  'unadmittedAuditor',
] as const satisfies readonly Who[];

describe('strangers', function () {
  this.timeout(60_000);
  let home: Home;
  let world: World;
  let maria: Visitor;

  before(async () => {
    home = await Home.build();
    ({ world, owner: maria } = home);
  });
  after(() => home.close());

  it('who ask to read are refused, and the refusal is on the record', async () => {
    for (const who of STRANGERS)
      expect(await world.refused(home.people[who], maria, home.report)).to.match(/^REFUSED:/);
    const log = await world.accesses(maria, maria);
    expect(
      log.map(({ actor, kind, outcome }) => [actor, kind, outcome.decision]),
    ).to.have.deep.members(STRANGERS.map((who) => [home.people[who].userId, 'read', 'refuse']));
  });

  it('who break the glass are refused, and that is on the record', async () => {
    const path = `${home.path}/emergency`;
    const body = { actingFor: home.people.hospital.userId, reason: 'out of curiosity' };
    const code = await home.people.strangeDoctor.fails('POST', path, body);
    expect(code).to.equal('REFUSED:NOT_AFFILIATED');
    const log = await world.accesses(maria, maria);
    const [found] = log.filter(({ kind }) => kind === 'emergency');
    expect(found?.outcome).to.deep.include({ decision: 'refuse', code: 'NOT_AFFILIATED' });
  });

  it('who ask about themselves learn nothing of anybody’s consents', async () => {
    const { hospital, otherPatient } = home.people;
    await world.grant(maria, maria, hospitalTerms(hospital, { kind: 'full' }));
    const answer = await otherPatient.ask(
      'GET',
      `${home.path}/explain?actor=${otherPatient.userId}&actingFor=${hospital.userId}` +
        `&report=${home.report}&action=view&purpose=treatment`,
    );
    expect(answer.status).to.be.oneOf([200, 403]);
    expect(Buffer.from(answer.bytes).toString()).to.not.match(/"considered":\[\{/);
  });
});
