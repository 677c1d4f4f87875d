import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { GatewayError } from '../errors.js';
import { failure, ManualClock, seededRandom, temporaryFolder } from '../testing/index.js';
import {
  generateKeyPair,
  generateRecoveryCode,
  KeyBundles,
  keyBundleSchema,
  KeyRing,
  loadMasterKey,
  MasterKey,
  PasswordDeriver,
  publicKeyOf,
  UnlockedKeys,
  verifyP256,
} from './index.js';
import type { OpenedBundle, PrivateKeyEntry } from './index.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const cheap = { passes: 1, memoryKiB: 64, lanes: 1 };
const random = seededRandom('vault');

const entries = (): PrivateKeyEntry[] => [
  { use: 'sign', kid: 's1', privateKey: generateKeyPair(random).privateKey },
  { use: 'unseal', kid: 'u1', privateKey: generateKeyPair(random).privateKey },
  { use: 'epoch', kid: 'e1', privateKey: generateKeyPair(random).privateKey },
];
const plain = (opened: OpenedBundle): string[] =>
  opened.keys.map(({ use, kid, privateKey }) => `${use} ${kid} ${hex(privateKey)}`);
const plainKeys = (keys: readonly PrivateKeyEntry[]): string[] =>
  keys.map(({ use, kid, privateKey }) => `${use} ${kid} ${hex(privateKey)}`);

describe('key bundles', () => {
  const bundles = new KeyBundles(new PasswordDeriver(cheap, { atOnce: 2, queue: 10 }), random);

  it('open with the password and with the recovery code, and are plain JSON without secrets', async () => {
    const keys = entries();
    const { bundle, recoveryCode } = await bundles.seal('user-1', keys, 'correct horse');
    const stored = keyBundleSchema.parse(JSON.parse(JSON.stringify(bundle)));
    expect(plain(await bundles.open('user-1', stored, 'correct horse'))).to.deep.equal(
      plainKeys(keys),
    );
    expect(plain(bundles.recover('user-1', stored, recoveryCode))).to.deep.equal(plainKeys(keys));
    const text = JSON.stringify(bundle);
    for (const { privateKey } of keys) {
      expect(text).to.not.contain(Buffer.from(privateKey).toString('base64url'));
    }
    expect(text).to.not.contain(recoveryCode.slice(0, 6));
  });

  it('open for nobody else', async () => {
    const { bundle } = await bundles.seal('user-1', entries(), 'correct horse');
    const codes = [
      await failure(GatewayError, () => bundles.open('user-1', bundle, 'wrong horse')),
      await failure(GatewayError, () => bundles.open('user-2', bundle, 'correct horse')),
      await failure(GatewayError, () =>
        bundles.recover('user-1', bundle, generateRecoveryCode(random)),
      ),
      await failure(GatewayError, () => bundles.openNobody('correct horse')),
    ].map((error) => `${error.code} ${error.message}`);
    expect(new Set(codes).size).to.equal(1);
    expect(codes[0]).to.match(/^WRONG_CREDENTIALS/);
  });

  it('treat the same password alike however its characters were composed', async () => {
    const { bundle } = await bundles.seal('user-1', entries(), 'caf\u00e9 ole 123');
    expect((await bundles.open('user-1', bundle, 'cafe\u0301 ole 123')).keys).to.have.length(3);
  });

  it('change password, recovery code and keys one without the other', async () => {
    const sealed = await bundles.seal('user-1', entries(), 'correct horse');
    const opened = await bundles.open('user-1', sealed.bundle, 'correct horse');
    const changed = await bundles.changePassword('user-1', sealed.bundle, opened, 'battery staple');
    expect(
      (await failure(GatewayError, () => bundles.open('user-1', changed, 'correct horse'))).code,
    ).to.equal('WRONG_CREDENTIALS');
    expect(plain(bundles.recover('user-1', changed, sealed.recoveryCode))).to.deep.equal(
      plain(opened),
    );

    const renewed = bundles.changeRecoveryCode('user-1', changed, opened);
    expect(
      (
        await failure(GatewayError, () =>
          bundles.recover('user-1', renewed.bundle, sealed.recoveryCode),
        )
      ).code,
    ).to.equal('WRONG_CREDENTIALS');

    const more = entries();
    const other = bundles.replaceKeys('user-1', renewed.bundle, opened.bundleKey, more);
    expect(plain(await bundles.open('user-1', other, 'battery staple'))).to.deep.equal(
      plainKeys(more),
    );
    expect(plain(bundles.recover('user-1', other, renewed.recoveryCode))).to.deep.equal(
      plainKeys(more),
    );
  });

  it('keep the cost they were made with', async () => {
    const { bundle } = await bundles.seal('user-1', entries(), 'correct horse');
    const dearer = new KeyBundles(
      new PasswordDeriver({ ...cheap, passes: 2 }, { atOnce: 1, queue: 1 }),
      random,
    );
    const opened = await dearer.open('user-1', bundle, 'correct horse');
    expect(
      (await dearer.changePassword('user-1', bundle, opened, 'correct horse')).password.passes,
    ).to.equal(2);
  });

  it('whose keys were changed are damaged, not wrong', async () => {
    const one = await bundles.seal('user-1', entries(), 'correct horse');
    const two = await bundles.seal('user-1', entries(), 'correct horse');
    const mixed = { ...one.bundle, keys: two.bundle.keys };
    expect(
      (await failure(GatewayError, () => bundles.open('user-1', mixed, 'correct horse'))).code,
    ).to.equal('STORE_DAMAGED');
  });
});

describe('key ring', () => {
  const limits = { idleMs: 1000, absoluteMs: 5000, sessions: 3 };
  const unlocked = (): { keys: UnlockedKeys; opened: OpenedBundle } => {
    const opened = { bundleKey: random(32), keys: entries() };
    return { keys: new UnlockedKeys('user-1', opened), opened };
  };
  const locked = async (ring: KeyRing, id: string): Promise<string> =>
    (await failure(GatewayError, () => ring.get(id))).code;
  const isWiped = ({ bundleKey, keys }: OpenedBundle): boolean =>
    [bundleKey, ...keys.map(({ privateKey }) => privateKey)].every((bytes) =>
      bytes.every((byte) => byte === 0),
    );

  it('holds keys while they are used, and wipes them when they idle or grow too old', async () => {
    const clock = new ManualClock();
    const ring = new KeyRing(clock, limits);
    const first = unlocked();
    const second = unlocked();
    ring.put('one', first.keys);
    ring.put('two', second.keys);
    clock.advance(900);
    expect(ring.get('one')).to.equal(first.keys);
    clock.advance(900);
    expect(await locked(ring, 'two')).to.equal('KEYS_LOCKED');
    expect([isWiped(first.opened), isWiped(second.opened)]).to.deep.equal([false, true]);
    for (let used = 0; used < 4; used += 1) {
      ring.get('one');
      clock.advance(900);
    }
    expect(await locked(ring, 'one')).to.equal('KEYS_LOCKED');
    expect(isWiped(first.opened)).to.equal(true);
  });

  it('drops, moves, sweeps and lets go of everything', async () => {
    const clock = new ManualClock();
    const ring = new KeyRing(clock, limits);
    const { keys, opened } = unlocked();
    ring.put('one', keys);
    ring.move('one', 'two');
    expect(await locked(ring, 'one')).to.equal('KEYS_LOCKED');
    expect(ring.get('two')).to.equal(keys);
    ring.drop('two');
    expect(isWiped(opened)).to.equal(true);
    expect((await failure(GatewayError, () => keys.sign('s1', Buffer.of(1)))).code).to.equal(
      'KEYS_LOCKED',
    );
    expect((await failure(GatewayError, () => keys.bundleKey)).code).to.equal('KEYS_LOCKED');
    ring.put('three', unlocked().keys);
    clock.advance(1000);
    ring.sweep();
    expect(ring.size).to.equal(0);
    const last = unlocked();
    ring.put('four', last.keys);
    ring.dropAll();
    expect(isWiped(last.opened)).to.equal(true);
  });

  it('is bounded: the least recently used keys go first', async () => {
    const ring = new KeyRing(new ManualClock(), limits);
    for (const id of ['a', 'b', 'c']) ring.put(id, unlocked().keys);
    ring.get('a');
    ring.put('d', unlocked().keys);
    expect(await locked(ring, 'b')).to.equal('KEYS_LOCKED');
    expect(ring.get('a').userId).to.equal('user-1');
  });

  it('signs with the named key and takes new ones', async () => {
    const { keys, opened } = unlocked();
    const signer = opened.keys[0];
    if (signer === undefined) throw new Error('no key');
    const message = Buffer.from('m');
    expect(verifyP256(publicKeyOf(signer.privateKey), message, keys.sign('s1', message))).to.equal(
      true,
    );
    expect((await failure(GatewayError, () => keys.sign('s2', message))).code).to.equal(
      'NOT_FOUND',
    );
    const next = generateKeyPair(random);
    keys.add({ use: 'sign', kid: 's2', privateKey: next.privateKey });
    expect(verifyP256(next.publicKey, message, keys.sign('s2', message))).to.equal(true);
    expect(keys.entries).to.have.length(4);
  });
});

describe('master key', () => {
  it('seals for one context and subject, and tells a changed or swapped value', async () => {
    const master = new MasterKey(random(32), random);
    const sealed = master.sealUnderMaster('service-key', 'hospital-1', Buffer.from('secret'));
    expect(
      Buffer.from(master.openUnderMaster('service-key', 'hospital-1', sealed)).toString(),
    ).to.equal('secret');
    const changed = Uint8Array.from(sealed);
    changed[20] = (changed[20] ?? 0) ^ 1;
    const attempts = [
      () => master.openUnderMaster('service-key', 'hospital-2', sealed),
      () => master.openUnderMaster('profile', 'hospital-1', sealed),
      () => master.openUnderMaster('service-key', 'hospital-1', changed),
      () => master.openUnderMaster('service-key', 'hospital-1', sealed.subarray(0, 5)),
      () => new MasterKey(random(32), random).openUnderMaster('service-key', 'hospital-1', sealed),
    ];
    for (const attempt of attempts) {
      expect((await failure(GatewayError, attempt)).code).to.equal('STORE_DAMAGED');
    }
    expect(hex(master.derive('csrf'))).to.not.equal(hex(master.derive('logins')));
  });

  it('is made once, with mode 0600, and read again; an exposed or broken file is refused', async () => {
    const folder = await temporaryFolder();
    try {
      const file = join(folder.path, 'deep', 'gateway.key');
      const first = await loadMasterKey({ configured: '', file, random });
      expect((await stat(file)).mode & 0o777).to.equal(0o600);
      const again = await loadMasterKey({ configured: '', file, random });
      expect(hex(again.derive('x'))).to.equal(hex(first.derive('x')));
      const configured = (await readFile(file, 'utf8')).trim();
      const given = await loadMasterKey({ configured, file: join(folder.path, 'none'), random });
      expect(hex(given.derive('x'))).to.equal(hex(first.derive('x')));

      await chmod(file, 0o644);
      expect(
        (await failure(GatewayError, () => loadMasterKey({ configured: '', file, random })))
          .message,
      ).to.contain('chmod');
      await chmod(file, 0o600);
      await writeFile(file, 'short');
      expect(
        (await failure(GatewayError, () => loadMasterKey({ configured: '', file, random }))).code,
      ).to.equal('CONFIG');
    } finally {
      await folder.remove();
    }
  });
});
