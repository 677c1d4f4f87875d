import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { GatewayError } from '../errors.js';
import { openStore } from '../store/index.js';
import type { Store } from '../store/index.js';
import { failure, ManualClock, seededRandom, temporaryFolder } from '../testing/index.js';
import type { TemporaryFolder } from '../testing/index.js';
import {
  generateKeyPair,
  KeyBundles,
  KeyRing,
  MasterKey,
  PasswordDeriver,
  UnlockedKeys,
} from '../vault/index.js';
import type { PrivateKeyEntry } from '../vault/index.js';
import { Accounts, Sessions } from './index.js';
import type { Registration, Source } from './index.js';
import { throttleFor } from './throttle/testing.js';

const random = seededRandom('accounts');
const MINUTE = 60_000;
const HERE: Source = { address: '203.0.113.1', devices: [] };

describe('accounts and sessions', () => {
  let folder: TemporaryFolder;
  let store: Store;
  let clock: ManualClock;
  let derivations: number;
  let accounts: Accounts;
  let keyRing: KeyRing;
  let sessions: Sessions;

  beforeEach(async () => {
    folder = await temporaryFolder();
    store = await openStore(join(folder.path, 'store'));
    clock = new ManualClock();
    derivations = 0;
    const deriver = new PasswordDeriver(
      { passes: 1, memoryKiB: 64, lanes: 1 },
      { atOnce: 4, queue: 50 },
    );
    const derive = deriver.derive.bind(deriver);
    deriver.derive = (...args) => {
      derivations += 1;
      return derive(...args);
    };
    const master = new MasterKey(random(32), random);
    accounts = new Accounts({
      store,
      clock,
      master,
      bundles: new KeyBundles(deriver, random),
      throttle: throttleFor({ store, clock, random }, { perMinute: 6 }),
    });
    keyRing = new KeyRing(clock, { idleMs: 30 * MINUTE, absoluteMs: 720 * MINUTE, sessions: 10 });
    sessions = new Sessions({
      store,
      clock,
      random,
      csrfKey: master.derive('csrf'),
      limits: {
        idleMs: 30 * MINUTE,
        absoluteMs: { cookie: 120 * MINUTE, bearer: 240 * MINUTE },
        freshMs: 5 * MINUTE,
        touchEveryMs: 30_000,
        skewMs: 120_000,
        perAccount: 3,
      },
      keyRing,
    });
  });
  afterEach(async () => {
    await store.close();
    await folder.remove();
  });

  const key = (use: PrivateKeyEntry['use'], kid: string): PrivateKeyEntry => ({
    use,
    kid,
    privateKey: generateKeyPair(random).privateKey,
  });
  const anna = (): Registration => ({
    loginName: 'Anna.Example@Mail',
    password: 'correct horse battery',
    role: 'patient',
    userId: 'user-anna',
    keys: [key('sign', 's1'), key('unseal', 'u1')],
    profile: { name: 'Anna Example', born: '1980-02-03' },
  });
  const code = async (work: () => unknown): Promise<string> =>
    (await failure(GatewayError, work)).code;

  describe('accounts', () => {
    it('log in under any spelling of the name, with one derivation, and get their keys', async () => {
      const { account } = await accounts.register(anna(), HERE);
      derivations = 0;
      const logIn = await accounts.logIn(' ANNA.example@mail ', 'correct horse battery', HERE);
      expect(derivations).to.equal(1);
      expect(logIn.account).to.deep.equal(account);
      expect(logIn.opened.keys.map(({ use, kid }) => `${use} ${kid}`)).to.deep.equal([
        'sign s1',
        'unseal u1',
      ]);
    });

    it('fail alike, with one derivation, for a wrong password, an unknown name and an impossible one', async () => {
      await accounts.register(anna(), HERE);
      const seen = new Set<string>();
      for (const name of ['anna.example@mail', 'nobody', 'not a name!']) {
        derivations = 0;
        const error = await failure(GatewayError, () =>
          accounts.logIn(name, 'wrong password', HERE),
        );
        seen.add(`${error.code} ${error.message} ${derivations}`);
      }
      expect([...seen]).to.have.length(1);
      expect([...seen][0]).to.match(/^WRONG_CREDENTIALS .* 1$/);
    });

    it('register a name and a user once, also when many try at the same moment', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 5 }, (_, index) =>
          accounts.register({ ...anna(), userId: `user-${index}` }, HERE),
        ),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
      expect(await code(() => accounts.register({ ...anna(), userId: 'user-9' }, HERE))).to.equal(
        'CONFLICT',
      );
      expect(await accounts.list({ limit: 10 })).to.have.length(1);
    });

    it('refuse poor names and passwords, and say which field', async () => {
      const tries: [Partial<Registration>, string][] = [
        [{ loginName: 'a b' }, 'body.login'],
        [{ loginName: 'ab' }, 'body.login'],
        [{ password: 'short' }, 'body.password'],
        [{ password: 'aaaaaaaaaaaaaa' }, 'body.password'],
        [{ password: 'my anna.example@mail' }, 'body.password'],
      ];
      for (const [change, path] of tries) {
        const error = await failure(GatewayError, () =>
          accounts.register({ ...anna(), ...change }, HERE),
        );
        expect([error.code, error.options.fields?.[0]?.path]).to.deep.equal(['VALIDATION', path]);
      }
    });

    it('change their password; the old one no longer opens', async () => {
      await accounts.register(anna(), HERE);
      expect(
        await code(() => accounts.changePassword('user-anna', 'wrong', 'new password 123', HERE)),
      ).to.equal('WRONG_CREDENTIALS');
      await accounts.changePassword('user-anna', 'correct horse battery', 'new password 123', HERE);
      expect(
        await code(() => accounts.logIn('anna.example@mail', 'correct horse battery', HERE)),
      ).to.equal('WRONG_CREDENTIALS');
      expect(
        (await accounts.logIn('anna.example@mail', 'new password 123', HERE)).opened.keys,
      ).to.have.length(2);
    });

    it('recover with the code, once; then with the new one', async () => {
      const { recoveryCode } = await accounts.register(anna(), HERE);
      const recovered = await accounts.recover(
        'anna.example@mail',
        recoveryCode,
        'new password 123',
        HERE,
      );
      expect(recovered.opened.keys).to.have.length(2);
      expect(
        await code(() =>
          accounts.recover('anna.example@mail', recoveryCode, 'new password 456', HERE),
        ),
      ).to.equal('WRONG_CREDENTIALS');
      await accounts.logIn('anna.example@mail', 'new password 123', HERE);
      await accounts.recover('anna.example@mail', recovered.recoveryCode, 'new password 789', HERE);
      expect(
        await code(() =>
          accounts.recover('nobody', recovered.recoveryCode, 'new password 789', HERE),
        ),
      ).to.equal('WRONG_CREDENTIALS');
    });

    it('spend a recovery code once also when it comes twice at the same moment', async () => {
      const { recoveryCode } = await accounts.register(anna(), HERE);
      const outcomes = await Promise.allSettled(
        ['new password 123', 'new password 456'].map((next) =>
          accounts.recover('anna.example@mail', recoveryCode, next, HERE),
        ),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    });

    it('take new keys without the password, by the bundle key', async () => {
      await accounts.register(anna(), HERE);
      const { opened } = await accounts.logIn('anna.example@mail', 'correct horse battery', HERE);
      await accounts.replaceKeys('user-anna', opened.bundleKey, [
        ...opened.keys,
        key('epoch', 'e1'),
      ]);
      const again = await accounts.logIn('anna.example@mail', 'correct horse battery', HERE);
      expect(again.opened.keys.map(({ kid }) => kid)).to.deep.equal(['s1', 'u1', 'e1']);
    });

    it('make guessing wait, and forget the failures after a success', async () => {
      await accounts.register(anna(), HERE);
      const guess = (n: number) =>
        code(() => accounts.logIn('anna.example@mail', `guess ${n}`, HERE));
      for (let n = 0; n < 5; n += 1) expect(await guess(n)).to.equal('WRONG_CREDENTIALS');
      await accounts.logIn('anna.example@mail', 'correct horse battery', HERE);
      for (let n = 0; n < 6; n += 1) expect(await guess(n)).to.equal('WRONG_CREDENTIALS');
      derivations = 0;
      clock.advance(20_000);
      const error = await failure(GatewayError, () =>
        accounts.logIn('anna.example@mail', 'correct horse battery', HERE),
      );
      expect([error.code, error.options.retryAfterMs]).to.deep.equal(['TOO_MANY', 40_000]);
      expect(derivations, 'what is refused costs no derivation').to.equal(0);
      clock.advance(40_000);
      await accounts.logIn('anna.example@mail', 'correct horse battery', HERE);
    });

    it('cost an unknown name the reads and the derivation that a known one costs', async () => {
      await accounts.register(anna(), HERE);
      const work = async (name: string) => {
        const get = store.get.bind(store);
        let reads = 0;
        store.get = (...args) => {
          reads += 1;
          return get(...args);
        };
        derivations = 0;
        await code(() => accounts.logIn(name, 'wrong password', HERE));
        store.get = get;
        return { reads, derivations };
      };
      const known = await work('anna.example@mail');
      expect(known).to.deep.equal({ reads: 3, derivations: 1 });
      expect(await work('nobody')).to.deep.equal(known);
      expect(await work('not a name!')).to.deep.equal(known);
    });

    it('rest in the store without a name, a profile or a password in clear', async () => {
      await accounts.register(anna(), HERE);
      await accounts.updateProfile('user-anna', { name: 'Anna Newname' });
      expect((await accounts.get('user-anna')).profile).to.deep.equal({ name: 'Anna Newname' });
      await store.close();
      const dir = join(folder.path, 'store');
      const files = await Promise.all(
        (await readdir(dir)).map((file) => readFile(join(dir, file), 'latin1')),
      );
      const text = files.join('\n');
      expect(text).to.contain('user-anna'); // or the test would look at nothing
      expect(text).to.not.match(/anna\.example|Newname|Anna Example|1980-02|correct horse/i);
    });

    it('of an unknown id are not found', async () => {
      expect(await code(() => accounts.get('user-x'))).to.equal('NOT_FOUND');
    });
  });

  describe('sessions', () => {
    const who = { userId: 'user-anna', role: 'patient', kind: 'cookie' } as const;

    it('are found by their token and by nothing else; the store holds no token', async () => {
      const { token, session } = await sessions.start(who);
      expect(await sessions.authenticate(token)).to.deep.equal(session);
      for (const other of ['', session.id, `${token}x`, 'A'.repeat(43)]) {
        expect(await sessions.authenticate(other), other).to.equal(undefined);
      }
      for await (const { key: stored, value } of store.list('sessions')) {
        expect(`${stored} ${Buffer.from(value).toString()}`).to.not.contain(token);
      }
    });

    it('end when they idle, and live on while they are used', async () => {
      const used = await sessions.start(who);
      const idle = await sessions.start(who);
      clock.advance(29 * MINUTE);
      expect(await sessions.authenticate(used.token)).to.not.equal(undefined);
      clock.advance(1 * MINUTE);
      expect(await sessions.authenticate(idle.token)).to.equal(undefined);
      expect(await sessions.authenticate(used.token)).to.not.equal(undefined);
      expect((await sessions.list('user-anna')).map(({ id }) => id)).to.deep.equal([
        used.session.id,
      ]);
    });

    it('end at their absolute age, a cookie before a bearer', async () => {
      const cookie = await sessions.start(who);
      const bearer = await sessions.start({ ...who, kind: 'bearer' });
      for (let minutes = 0; minutes < 120; minutes += 20) {
        expect(await sessions.authenticate(cookie.token), `${minutes} min`).to.not.equal(undefined);
        await sessions.authenticate(bearer.token);
        clock.advance(20 * MINUTE);
      }
      expect(await sessions.authenticate(cookie.token)).to.equal(undefined);
      expect(await sessions.authenticate(bearer.token)).to.not.equal(undefined);
    });

    it('bind their CSRF token', async () => {
      const one = await sessions.start(who);
      const two = await sessions.start(who);
      const token = sessions.csrfToken(one.session);
      expect(sessions.checkCsrf(one.session, token)).to.equal(true);
      expect(sessions.checkCsrf(two.session, token)).to.equal(false);
      expect(sessions.checkCsrf(one.session, undefined)).to.equal(false);
      expect(sessions.checkCsrf(one.session, '')).to.equal(false);
    });

    const hold = (id: string): UnlockedKeys => {
      const keys = new UnlockedKeys('user-anna', {
        bundleKey: random(32),
        keys: [key('sign', 's1')],
      });
      keyRing.put(id, keys);
      return keys;
    };

    it('change their token when the password is given again, and keep their keys', async () => {
      const old = await sessions.start(who);
      const keys = hold(old.session.id);
      clock.advance(5 * MINUTE);
      expect(sessions.isFresh(old.session)).to.equal(false);
      const next = await sessions.refresh(old.session);
      expect(sessions.isFresh(next.session)).to.equal(true);
      expect(await sessions.authenticate(old.token)).to.equal(undefined);
      expect(await sessions.authenticate(next.token)).to.not.equal(undefined);
      expect(keyRing.get(next.session.id)).to.equal(keys);
      expect(next.session.createdAt, 'the absolute age is not reset').to.equal(
        old.session.createdAt,
      );
    });

    it('that have ended do not come back under a new token, also when two ask at the same moment', async () => {
      const { session } = await sessions.start(who);
      const outcomes = await Promise.allSettled([
        sessions.refresh(session),
        sessions.refresh(session),
      ]);
      expect(outcomes.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected']);
      expect(await sessions.list('user-anna')).to.have.length(1);
      await sessions.endAll('user-anna');
      expect(await code(() => sessions.refresh(session))).to.equal('UNAUTHENTICATED');
    });

    it('take their keys with them when they end', async () => {
      const { token, session } = await sessions.start(who);
      const keys = hold(session.id);
      await sessions.end(session.id);
      await sessions.end(session.id);
      expect(await sessions.authenticate(token)).to.equal(undefined);
      expect(await code(() => keys.entries)).to.equal('KEYS_LOCKED');
    });

    it('end all but one, and are bounded per account', async () => {
      const first = await sessions.start(who);
      for (let n = 0; n < 2; n += 1) {
        clock.advance(1000);
        await sessions.start(who);
      }
      clock.advance(1000);
      const last = await sessions.start(who);
      expect(await sessions.list('user-anna')).to.have.length(3);
      expect(await sessions.authenticate(first.token)).to.equal(undefined);
      await sessions.endAll('user-anna', last.session.id);
      expect((await sessions.list('user-anna')).map(({ id }) => id)).to.deep.equal([
        last.session.id,
      ]);
    });

    it('are swept from the store when they have expired', async () => {
      await sessions.start(who);
      clock.advance(30 * MINUTE);
      await sessions.start(who);
      expect(await sessions.sweep()).to.equal(1);
      let left = 0;
      for await (const entry of store.list('sessions-by-user'))
        left += entry.key.length > 0 ? 1 : 0;
      expect(left).to.equal(1);
    });

    it('survive a restart of the gateway', async () => {
      const { token, session } = await sessions.start(who);
      await store.close();
      store = await openStore(join(folder.path, 'store'));
      const limits = {
        idleMs: MINUTE,
        absoluteMs: { cookie: MINUTE, bearer: MINUTE },
        freshMs: 1,
        touchEveryMs: 30_000,
        skewMs: 120_000,
        perAccount: 3,
      };
      const again = new Sessions({ store, clock, random, csrfKey: random(32), limits, keyRing });
      expect(await again.authenticate(token)).to.deep.equal(session);
    });
  });
});
