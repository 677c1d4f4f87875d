import { createHmac, createPublicKey, hkdfSync, verify } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { GatewayError } from '../errors.js';
import { failure, seededRandom } from '../testing/index.js';
import { decodeParts, encodeParts } from './bytes.js';
import {
  commitment,
  decodePublicKey,
  encodePublicKey,
  generateKeyPair,
  generateRecoveryCode,
  parseRecoveryCode,
  PasswordDeriver,
  publicKeyOf,
  signP256,
  verifyP256,
} from './index.js';

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
