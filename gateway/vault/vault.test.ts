import { createHmac, createPublicKey, hkdfSync, verify } from 'node:crypto';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { GatewayError } from '../errors.js';
import { failure, ManualClock, seededRandom, temporaryFolder } from '../testing/index.js';
import { decodeParts, encodeParts } from './bytes.js';
import {
  commitment,
  decodePublicKey,
  encodePublicKey,
  generateKeyPair,
  generateRecoveryCode,
  KeyBundles,
  keyBundleSchema,
  KeyRing,
  loadMasterKey,
  MasterKey,
  parseRecoveryCode,
  PasswordDeriver,
  publicKeyOf,
  signP256,
  UnlockedKeys,
  verifyP256,
} from './index.js';
import type { OpenedBundle, PrivateKeyEntry } from './index.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const cheap = { passes: 1, memoryKiB: 64, lanes: 1 };
const random = seededRandom('vault');

describe('parts', () => {
  it('come back as they were, and no other list gives the same bytes (property)', () => {
    const list = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
    fc.assert(
      fc.property(list, list, (a, b) => {
        expect(decodeParts(encodeParts(a))?.map(hex)).to.deep.equal(a.map(hex));
        const same = hex(encodeParts(a)) === hex(encodeParts(b));
        expect(same).to.equal(JSON.stringify(a.map(hex)) === JSON.stringify(b.map(hex)));
      }),
    );
  });

  it('that are cut are no list', () => {
    expect(decodeParts(Buffer.of(0))).to.equal(undefined);
    expect(decodeParts(Buffer.of(0, 2, 1))).to.equal(undefined);
  });
});

describe('P-256', () => {
  const pair = generateKeyPair(random);
  const message = Buffer.from('an operation');

  it('derives the public key of RFC 6979 A.2.5 from its private key', () => {
    const privateKey = Buffer.from(
      'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721',
      'hex',
    );
    expect(hex(publicKeyOf(privateKey))).to.equal(
      '0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6' +
        '7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
    );
  });

  it('samples again when a candidate is no scalar of the group', () => {
    const candidates = [Buffer.alloc(32), Buffer.alloc(32, 0xff), Buffer.alloc(32, 7)];
    const { privateKey } = generateKeyPair(() => candidates.shift() ?? Buffer.alloc(32, 9));
    expect(hex(privateKey)).to.equal('07'.repeat(32));
  });

  it('signs with a low s every time, in a form that others verify', () => {
    const half = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n;
    const spki = createPublicKey({
      key: Buffer.concat([
        Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
        pair.publicKey,
      ]),
      format: 'der',
      type: 'spki',
    });
    for (let run = 0; run < 40; run += 1) {
      const signature = signP256(pair.privateKey, message);
      expect(signature).to.have.length(64);
      expect(BigInt(`0x${hex(signature.subarray(32))}`) <= half).to.equal(true);
      expect(verifyP256(pair.publicKey, message, signature)).to.equal(true);
      expect(
        verify('sha256', message, { key: spki, dsaEncoding: 'ieee-p1363' }, signature),
      ).to.equal(true);
    }
  });

  it('refuses the high twin of a signature, another message, another key, a short one, a key off the curve', () => {
    const signature = signP256(pair.privateKey, message);
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const s = order - BigInt(`0x${hex(signature.subarray(32))}`);
    const high = Buffer.concat([
      signature.subarray(0, 32),
      Buffer.from(s.toString(16).padStart(64, '0'), 'hex'),
    ]);
    expect(verifyP256(pair.publicKey, message, high)).to.equal(false);
    expect(verifyP256(pair.publicKey, Buffer.from('other'), signature)).to.equal(false);
    expect(verifyP256(generateKeyPair(random).publicKey, message, signature)).to.equal(false);
    expect(verifyP256(pair.publicKey, message, signature.subarray(1))).to.equal(false);
    expect(verifyP256(Buffer.alloc(65, 4), message, signature)).to.equal(false);
  });

  it('writes public keys in one form only', () => {
    const text = encodePublicKey(pair.publicKey);
    const back = decodePublicKey(text);
    expect(back === undefined ? '' : hex(back)).to.equal(hex(pair.publicKey));
    for (const bad of [`${text}=`, text.slice(1), '', Buffer.alloc(65, 4).toString('base64url')]) {
      expect(decodePublicKey(bad), bad).to.equal(undefined);
    }
  });
});

describe('commitment', () => {
  it('is the HMAC that its specification says, and depends on every input', () => {
    const dataKey = Buffer.alloc(32, 1);
    const digest = Buffer.alloc(32, 2);
    const key = Buffer.from(hkdfSync('sha256', dataKey, '', 'PRMS-commit-v1', 32));
    const expected = createHmac('sha256', key)
      .update(Buffer.concat([Buffer.from('r1\0'), digest]))
      .digest('hex');
    expect(hex(commitment(dataKey, 'r1', digest))).to.equal(expected);
    const others = [
      commitment(Buffer.alloc(32, 3), 'r1', digest),
      commitment(dataKey, 'r2', digest),
      commitment(dataKey, 'r1', Buffer.alloc(32, 4)),
    ];
    expect(others.map(hex)).to.not.include(expected);
  });
});

describe('recovery codes', () => {
  it('are six groups of six that come back however they are typed', () => {
    for (let run = 0; run < 50; run += 1) {
      const code = generateRecoveryCode(random);
      expect(code).to.match(/^([0-9A-HJKMNP-TV-Z]{6}-){5}[0-9A-HJKMNP-TV-Z]{6}$/);
      const sloppy = ` ${code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `;
      expect(hex(parseRecoveryCode(sloppy))).to.equal(hex(parseRecoveryCode(code)));
      expect(parseRecoveryCode(code)).to.have.length(20);
    }
  });

  it('tell a mistyped character from a wrong code', async () => {
    const code = generateRecoveryCode(random);
    for (const bad of [
      `${code.startsWith('A') ? 'B' : 'A'}${code.slice(1)}`,
      code.slice(1),
      '',
      'ÄÖÜ',
      'U'.repeat(36),
    ]) {
      expect((await failure(GatewayError, () => parseRecoveryCode(bad))).code, bad).to.equal(
        'VALIDATION',
      );
    }
  });
});

describe('password derivation', () => {
  it('is Argon2id version 0x13 (the reference implementation’s known answer)', async () => {
    // P-H-C/phc-winner-argon2, src/test.c (CC0 / Apache-2.0): t=2, m=2^16, p=1, "password", "somesalt".
    const deriver = new PasswordDeriver(
      { passes: 2, memoryKiB: 65_536, lanes: 1 },
      { atOnce: 1, queue: 0 },
    );
    expect(hex(await deriver.derive('password', Buffer.from('somesalt')))).to.equal(
      '09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7',
    );
  });

  it('lets so many run, so many wait, and refuses the rest as BUSY', async () => {
    const deriver = new PasswordDeriver(cheap, { atOnce: 2, queue: 3 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => deriver.derive('pass', Buffer.alloc(16))),
    );
    const codes = outcomes.map((one) =>
      one.status === 'fulfilled'
        ? 'done'
        : one.reason instanceof GatewayError
          ? one.reason.code
          : 'other',
    );
    expect(codes.sort()).to.deep.equal(['BUSY', 'BUSY', 'BUSY', ...Array<string>(5).fill('done')]);
    expect(await deriver.derive('pass', Buffer.alloc(16))).to.have.length(32);
  });
});

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
