// From keys that the gateway keeps to keys of one's own, through HTTP: the file, who gets it, and what the account is
// afterwards.
import { expect } from 'chai';
import { kidOf } from '@prms/chaincode';
import { z } from 'zod';
import { createLog } from '../logging.js';
import { publicKeyOf } from '../vault/index.js';
import { openKeyFile, type OpenedKey } from './key-file-opener.js';
import { OwnKeyPerson } from './own-key-person.js';
import { enrolTotp, logInWith, refresh } from './sign-in.js';
import { Talker } from './talker.js';
import { problemOf, text, World, type Visitor } from './world.js';

const PASSPHRASE = 'a phrase for the file';
const EXPORT = '/me/keys/export';
const HAND_OVER = '/me/keys/hand-over';
const DAY_MS = 86_400_000;
const meSchema = z.looseObject({ notices: z.array(z.looseObject({ kind: z.string() })) });

describe('taking one’s private keys away', () => {
  let world: World;
  let hospital: Visitor;
  let log: string;

  before(async () => {
    log = '';
    world = await World.open({
      log: createLog({ level: 'info', destination: { write: (line) => void (log += line) } }),
    });
    hospital = await world.hospital('North');
  });
  after(() => world.close());

  const exported = async (who: Visitor): Promise<string> => {
    const answer = await who.ask('POST', EXPORT, { passphrase: PASSPHRASE });
    if (answer.status !== 200) throw new Error(problemOf(answer).code);
    return Buffer.from(answer.bytes).toString('utf8');
  };
  const handOver = (who: Visitor) => who.ask('POST', HAND_OVER, { exported: true });
  const pick = (keys: readonly OpenedKey[], use: string): OpenedKey => {
    const found = keys.find((key) => key.use === use && key.present);
    if (!found) throw new Error(`no ${use} key`);
    return found;
  };
  /** The same person as a client with the exported keys. */
  const withKeys = (who: Visitor, keys: readonly OpenedKey[]): OwnKeyPerson => {
    const { privateKey, publicKey } = pick(keys, 'sign');
    const person = new OwnKeyPerson(world, who.login, 'patient', { privateKey, publicKey });
    person.sealing = pick(keys, 'unseal');
    return person;
  };

  it('gives every key, present and past, and only for the passphrase', async () => {
    const maria = await world.patient('Maria');
    const first = await openKeyFile(await exported(maria), PASSPHRASE);
    await maria.change('/me/keys/rotate');
    const file = await exported(maria);
    const keys = await openKeyFile(file, PASSPHRASE);
    const user = await world.gateway.services.records.user(maria.userId);
    expect(pick(keys, 'sign').kid).to.equal(user.kid);
    expect(pick(keys, 'unseal').kid).to.equal(kidOf(user.keys.seal));
    // What was wrapped for the earlier unsealing key still has to be opened.
    expect(keys.filter(({ use }) => use === 'unseal')).to.have.length(2);
    expect(keys.map(({ kid }) => kid)).to.include(pick(first, 'unseal').kid);
    for (const { privateKey, publicKey } of keys)
      expect(Buffer.from(publicKeyOf(privateKey))).to.deep.equal(publicKey);
    const wrong = await openKeyFile(file, `${PASSPHRASE}!`).catch(() => 'shut');
    expect(wrong).to.equal('shut');
  });

  it('a file of which any byte is another does not open', async () => {
    const file = await exported(await world.relative('Rosa'));
    const bytes = Buffer.from(file, 'utf8');
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      const opened = await openKeyFile(flipped.toString('utf8'), PASSPHRASE).catch(() => 'shut');
      expect(opened, `byte ${at}`).to.equal('shut');
    }
  });

  it('needs a password given a short time ago, and a passphrase as strong as one', async () => {
    const maria = await world.patient('Maria');
    for (const passphrase of [
      'short',
      'aaaaaaaaaaaa',
      `${maria.login} and more`,
      'x'.repeat(300),
    ]) {
      const answer = await maria.ask('POST', EXPORT, { passphrase });
      expect(problemOf(answer).code, passphrase).to.equal('VALIDATION');
      expect(problemOf(answer).fields?.[0]?.path).to.equal('body.passphrase');
    }
    world.clock.advance(5 * 60_000);
    expect(await maria.fails('POST', EXPORT, { passphrase: PASSPHRASE })).to.equal(
      'FRESH_LOGIN_REQUIRED',
    );
    expect(await maria.fails('POST', HAND_OVER, { exported: true })).to.equal(
      'FRESH_LOGIN_REQUIRED',
    );
    await refresh(maria);
    await openKeyFile(await exported(maria), PASSPHRASE);
  });

  it('with a second factor, the password alone makes no session fresh', async () => {
    const maria = await world.patient('Maria');
    const telephone = await enrolTotp(world, maria);
    world.clock.advance(5 * 60_000);
    const { password } = maria;
    const half = await maria.ask('POST', '/sessions/current/fresh', { password });
    expect(half.status).to.equal(202);
    expect(await maria.fails('POST', EXPORT, { passphrase: PASSPHRASE })).to.equal(
      'FRESH_LOGIN_REQUIRED',
    );
    await refresh(maria, { method: 'totp', code: telephone.nextCode() });
    await exported(maria);
    expect((await handOver(maria)).status).to.equal(204);
    // The factor stays.
    await logInWith(maria, { method: 'totp', code: telephone.nextCode() });
    expect(await maria.fails('POST', '/me/keys/rotate')).to.equal('KEYS_ELSEWHERE');
  });

  it('is pushed at once to whoever sits at a consultation’s socket', async () => {
    await hospital.logIn();
    const doctor = await world.doctor('Adeyemi', hospital);
    const maria = await world.patient('Maria-at-a-socket');
    await world.care(maria, doctor, hospital);
    const wish = { patient: maria.userId, hospital: hospital.userId };
    const { id } = await doctor.post('/consultations', wish, z.looseObject({ id: z.string() }));
    const path = `/patients/${maria.userId}/consultations/${id}`;
    const [hers, theirs] = [Talker.at(world.url, path, maria), Talker.at(world.url, path, doctor)];
    await Promise.all([hers.welcomed(), theirs.welcomed()]);
    await exported(maria);
    const { notices } = meSchema.parse(await hers.next('notice'));
    expect(notices).to.deep.equal([{ kind: 'key-export', exportedAt: world.clock.now() }]);
    expect(theirs.frames.filter(({ type }) => type === 'notice')).to.deep.equal([]);
    hers.drop();
    theirs.drop();
  });

  it('is told to the user for a week, and logged as ids; nothing of the file stays', async () => {
    const maria = await world.patient('Maria');
    expect((await maria.get('/me', meSchema)).notices).to.deep.equal([]);
    const file = await exported(maria);
    const exportedAt = world.clock.now();
    const [pushed] = (await maria.get('/me', meSchema)).notices;
    expect(pushed).to.deep.equal({ kind: 'key-export', exportedAt });
    const refused = await maria.ask('GET', '/emergencies');
    expect(refused.headers.get('prms-notice')).to.equal('key-export');
    const lines = log.split('\n').filter((line) => line.includes('"keys.exported"'));
    expect(lines.at(-1)).to.include(maria.userId);
    for (const { privateKey } of await openKeyFile(file, PASSPHRASE))
      expect(log).to.not.include(Buffer.from(privateKey).toString('base64url'));
    expect(log).to.not.include(PASSPHRASE);
    world.clock.advance(7 * DAY_MS - 1);
    await maria.logIn();
    expect((await maria.get('/me', meSchema)).notices).to.have.length(1);
    world.clock.advance(6000);
    expect((await maria.get('/me', meSchema)).notices).to.deep.equal([]);
    await hospital.logIn();
  });

  it('several at once are several files, each of its own salt', async () => {
    const maria = await world.patient('Maria');
    const files = await Promise.all([exported(maria), exported(maria), exported(maria)]);
    expect(new Set(files).size).to.equal(3);
    for (const file of files) await openKeyFile(file, PASSPHRASE);
  });

  it('after the hand-over the gateway holds no key, and its user goes on with theirs', async () => {
    const maria = await world.patient('Maria', hospital);
    const blood = await world.upload(maria, maria, { bytes: text('haemoglobin 9.1') });
    const other = await world.visitor(maria.login).logIn();
    const early = await handOver(maria);
    expect(problemOf(early).code).to.equal('CONFLICT');
    const keys = await openKeyFile(await exported(maria), PASSPHRASE);
    expect(await maria.fails('POST', HAND_OVER, { exported: false })).to.equal('VALIDATION');
    expect((await handOver(maria)).status).to.equal(204);
    expect(await maria.fails('GET', '/me')).to.equal('UNAUTHENTICATED');
    expect(await other.fails('GET', '/me')).to.equal('UNAUTHENTICATED');

    await maria.logIn();
    await maria.get('/me', meSchema);
    expect(await maria.fails('POST', '/me/keys/rotate')).to.equal('KEYS_ELSEWHERE');
    expect(await maria.fails('POST', EXPORT, { passphrase: PASSPHRASE })).to.equal(
      'KEYS_ELSEWHERE',
    );
    expect(await maria.fails('POST', HAND_OVER, { exported: true })).to.equal('KEYS_ELSEWHERE');

    const own = await withKeys(maria, keys).logIn();
    const read = await own.read(maria.userId, blood.id);
    expect(Buffer.from(read.bytes).toString('utf8')).to.equal('haemoglobin 9.1');
    const { line, take } = own.rotation(1);
    expect(await own.send(line)).to.include({ status: 'applied' });
    take();
    await own.logIn();
    await world.restart();
    await hospital.logIn();
    await own.visitor.get('/me', meSchema);
  });

  it('keys that were rotated since are not handed over without another export', async () => {
    const rosa = await world.relative('Rosa');
    await exported(rosa);
    await rosa.change('/me/keys/rotate');
    expect(problemOf(await handOver(rosa)).code).to.equal('CONFLICT');
    await exported(rosa);
    expect((await handOver(rosa)).status).to.equal(204);
  });

  it('a rotation or another hand-over at the same time leaves no key behind', async () => {
    const rosa = await world.relative('Rosa');
    const twin = await world.visitor(rosa.login).logIn();
    await exported(rosa);
    const answers = await Promise.all([
      handOver(rosa),
      twin.ask('POST', '/me/keys/rotate'),
      handOver(rosa),
    ]);
    const done = answers.map(({ status }) => status).filter((status) => status < 300);
    expect(done).to.have.length(1);
    await rosa.logIn();
    const after = await rosa.ask('POST', HAND_OVER, { exported: true });
    // Whichever was first: a rotation makes the export old, and its session goes on.
    expect(problemOf(after).code).to.be.oneOf(['KEYS_ELSEWHERE', 'CONFLICT']);
  });

  it('a log-in that was half done at the hand-over brings no keys back', async () => {
    const maria = await world.patient('Maria');
    const telephone = await enrolTotp(world, maria);
    const late = world.visitor(maria.login);
    const answer = await late.ask('POST', '/sessions', {
      login: maria.login,
      password: maria.password,
      kind: 'bearer',
    });
    const { pending } = z.looseObject({ pending: z.string() }).parse(answer.body);
    await exported(maria);
    expect((await handOver(maria)).status).to.equal(204);
    const proof = { method: 'totp', code: telephone.nextCode() };
    expect(await late.fails('POST', '/sessions/second-factor', { pending, proof })).to.equal(
      'UNAUTHENTICATED',
    );
  });

  it('a hospital may copy its keys, and can’t take them from its doctors', async () => {
    await openKeyFile(await exported(hospital), PASSPHRASE);
    expect(await hospital.fails('POST', HAND_OVER, { exported: true })).to.equal('FORBIDDEN');
  });
});
