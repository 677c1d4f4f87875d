// Who may do what, asked over HTTP: every mounted route × everybody who could call it × how they stand to the patient whom
// it is about. The expected answers are the table in rows/; how to add a row is said in row.ts.
import { expect } from 'chai';
import { z } from 'zod';
import { accountRoles } from '../../accounts/index.js';
import { routes } from '../../http/routes/index.js';
import { problemSchema } from '../../http/base/index.js';
import type { ApiAnswer, Visitor } from '../../http/routes/testing-api.js';
import { Home, SECRETS, WHO, type Who } from './home.js';
import { bodyOf, expected, type Asked, type Row } from './row.js';
import { rows } from './rows/index.js';

const keyOf = ({ method, path }: { method: string; path: string }): string => `${method} ${path}`;

describe('who may do what: role × route × ownership', function () {
  this.timeout(60_000);
  let home: Home;

  before(async () => (home = await Home.build()));
  after(() => home.close());

  it('the table has a row for every route, and no other', () => {
    const mounted = routes.map(keyOf);
    const missing = mounted.filter((key) => !Object.hasOwn(rows, key));
    const gone = Object.keys(rows).filter((key) => !mounted.includes(key));
    const how = 'add a row to gateway/e2e/matrix/rows/ as gateway/e2e/matrix/row.ts says';
    expect(missing, `routes that nobody has said who may call: ${how}`).to.deep.equal([]);
    expect(gone, 'rows whose route no longer exists: remove them').to.deep.equal([]);
  });

  it('the columns have every role that an account can have', async () => {
    const known = WHO.filter((who) => who !== 'anonymous');
    const roles = await Promise.all(known.map((who) => home.roleOf(who)));
    expect([...new Set(roles)].sort()).to.deep.equal([...accountRoles].sort());
  });

  for (const [key, row] of Object.entries(rows)) {
    it(key, async () => {
      const answers = expected(row.answers, WHO);
      const refused = WHO.filter((who) => answers.get(who) !== 'ok');
      const allowed = WHO.filter((who) => answers.get(who) === 'ok');
      let ready = await prepare(row, refused[0] ?? allowed[0] ?? 'anonymous');
      // A request made anew for each caller may itself change the record; else no refusal changes anything.
      const isAnew = row.perCaller === true || row.newcomer === true;
      const isWatched = !isAnew && !key.startsWith('get ');
      const before = isWatched && (await home.snapshot());
      for (const who of refused) {
        if (isAnew) ready = await prepare(row, who);
        const answer = await call(key, row, who, ready);
        expect(codeOf(answer, row), `${who}: ${key}`).to.equal(answers.get(who));
        const told = Buffer.from(answer.bytes).toString('utf8');
        for (const secret of SECRETS) expect(told, `${who}: ${key}`).to.not.include(secret);
      }
      if (isWatched) expect(await home.snapshot()).to.deep.equal(before);
      for (const [index, who] of allowed.entries()) {
        const isUsed = isAnew || (index > 0 && !key.startsWith('get '));
        if (isUsed) ready = await prepare(row, who);
        const answer = await call(key, row, who, ready);
        expect(codeOf(answer, row), `${who}: ${key}`).to.equal('ok');
      }
    });
  }

  async function prepare(row: Row, who: Who): Promise<Ready> {
    // Ids of one millisecond have no order.
    home.world.clock.advance(1);
    const caller = row.newcomer ? await home.newcomer(who) : home.people[who];
    return { asked: (await row.ask?.(home, who, caller)) ?? {}, caller };
  }

  async function call(
    key: string,
    row: Row,
    who: Who,
    { asked, caller }: Ready,
  ): Promise<ApiAnswer> {
    const [method = '', template = ''] = key.split(' ');
    const isKnown = row.newcomer === true && who !== 'anonymous';
    const visitor = row.ownSession ? await home.again(who) : isKnown ? caller : home.people[who];
    const parts: Readonly<Record<string, string>> = { patient: home.owner.userId, ...asked.path };
    const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const part = parts[name];
      if (part === undefined) throw new Error(`the row of ${key} does not say {${name}}`);
      return part;
    });
    home.world.clock.advance(1);
    const answer = await visitor.ask(
      method.toUpperCase(),
      path + (asked.query ?? ''),
      bodyOf(asked),
    );
    if (row.ownSession && who !== 'anonymous') await home.people[who].logIn();
    return answer;
  }
});

interface Ready {
  readonly asked: Asked;
  readonly caller: Visitor;
}

/** `ok`, or the problem's code with the ledger's reason. */
/** Failures of FHIR's routes are told in its own way. */
const outcomeSchema = z.looseObject({
  resourceType: z.literal('OperationOutcome'),
  issue: z.array(z.looseObject({ details: z.object({ text: z.string() }) })),
});

function codeOf({ status, body }: ApiAnswer, { reads }: Row): string {
  if (status < 400) return reads?.(body) ?? 'ok';
  const told = outcomeSchema.safeParse(body);
  if (told.success) return told.data.issue[0]?.details.text ?? '';
  const { code, reason } = problemSchema.parse(body);
  return reason === undefined ? code : `${code}:${reason}`;
}
