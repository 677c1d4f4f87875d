// Signatures: published vectors, the low-S rule, keys that are none, and threads that answer in order.

import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { SIGNING_PREFIX } from '../model/index.js';
import { newKeyPair, otherTwin, signText } from '../testkit/index.js';
import {
  isPoint,
  isSignedBy,
  kidOf,
  lowS,
  possessionText,
  signedText,
  ThreadedVerifier,
  userIdOf,
  type SignatureCheck,
} from './index.js';

const HALF_ORDER =
  BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551') / 2n;

const wycheproof = z
  .object({
    groups: z.array(
      z.object({
        publicKey: z.string(),
        tests: z.array(
          z.tuple([z.number(), z.string(), z.string(), z.string(), z.enum(['valid', 'invalid'])]),
        ),
      }),
    ),
  })
  .parse(
    JSON.parse(
      readFileSync(
        new URL(
          '../../signatures/vectors/wycheproof-ecdsa-p256-sha256-p1363.json',
          import.meta.url,
        ),
        'utf8',
      ),
    ),
  );

const base64url = (hex: string) => Buffer.from(hex, 'hex').toString('base64url');
/** Operations are text: vectors whose message is no UTF-8 can't be put to the test. */
const asText = (hex: string) => {
  const text = Buffer.from(hex, 'hex').toString('utf8');
  return Buffer.from(text, 'utf8').toString('hex') === hex ? text : null;
};
const isHighS = (signature: Buffer) =>
  signature.length === 64 && BigInt(`0x${signature.toString('hex', 32)}`) > HALF_ORDER;

describe('signatures: Wycheproof', () => {
  it('accepts the valid low-S ones and refuses the rest', () => {
    const count = { accepted: 0, highS: 0, invalid: 0 };
    for (const { publicKey, tests } of wycheproof.groups) {
      for (const [id, comment, message, hex, verdict] of tests) {
        const text = asText(message);
        if (text === null) continue;
        const signature = Buffer.from(hex, 'hex');
        const check = { publicKey: base64url(publicKey), text, signature: base64url(hex) };
        const what = `${id}: ${comment}`;
        if (verdict === 'invalid') {
          expect(isSignedBy(check), what).to.equal(false);
          count.invalid++;
        } else if (isHighS(signature)) {
          expect(isSignedBy(check), `${what} (high-S)`).to.equal(false);
          const twin = otherTwin(signature).toString('base64url');
          expect(isSignedBy({ ...check, signature: twin }), `${what} (twin)`).to.equal(true);
          count.highS++;
        } else {
          expect(isSignedBy(check), what).to.equal(true);
          count.accepted++;
        }
      }
    }
    expect(count.accepted).to.be.above(30);
    expect(count.highS).to.be.above(30);
    expect(count.invalid).to.be.above(60);
  });
});

describe('signatures', () => {
  const pair = newKeyPair();
  const text = signedText('{"v":1}');
  const sound: SignatureCheck = {
    publicKey: pair.publicKey,
    text,
    signature: signText(pair.privateKey, text),
  };

  it('cover the prefix, the text, and nothing but this key', () => {
    expect(text).to.equal(`${SIGNING_PREFIX}{"v":1}`);
    expect(isSignedBy(sound)).to.equal(true);
    expect(isSignedBy({ ...sound, text: `${text} ` })).to.equal(false);
    expect(isSignedBy({ ...sound, text: '{"v":1}' })).to.equal(false);
    expect(isSignedBy({ ...sound, publicKey: newKeyPair().publicKey })).to.equal(false);
  });

  it('have one form: the high-S twin is refused', () => {
    const twin = otherTwin(Buffer.from(sound.signature, 'base64url')).toString('base64url');
    expect(isSignedBy({ ...sound, signature: twin })).to.equal(false);
  });

  it('with a high s are turned into their twin, and those with a low one left', () => {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const withS = (s: bigint): Buffer =>
      Buffer.from('11'.repeat(32) + s.toString(16).padStart(64, '0'), 'hex');
    const half = order >> 1n;
    for (const low of [1n, 2n ** 200n, half]) {
      expect(lowS(withS(low))).to.deep.equal(withS(low));
      expect(lowS(withS(order - low))).to.deep.equal(withS(low));
    }
  });

  it('are refused, not thrown at, when key or signature is no such thing', () => {
    const offCurve = Buffer.concat([Buffer.of(4), Buffer.alloc(64, 7)]).toString('base64url');
    const point = Buffer.from(pair.publicKey, 'base64url');
    const compressed = Buffer.concat([Buffer.of(2), point.subarray(1, 33)]).toString('base64url');
    const odd = Buffer.concat([Buffer.of(5), point.subarray(1)]).toString('base64url');
    for (const publicKey of [
      '',
      offCurve,
      compressed,
      odd,
      `${pair.publicKey}AA`,
      '€'.repeat(87),
    ]) {
      expect(isSignedBy({ ...sound, publicKey }), publicKey).to.equal(false);
      expect(isPoint(publicKey), publicKey).to.equal(false);
    }
    expect(isPoint(pair.publicKey)).to.equal(true);
    for (const signature of ['', 'AAAA', 'A'.repeat(86), `${sound.signature}AA`])
      expect(isSignedBy({ ...sound, signature }), signature).to.equal(false);
  });

  it('name users and keys by hashes under different labels', () => {
    const { publicKey } = pair;
    expect(userIdOf(publicKey)).to.match(/^[\w-]{43}$/);
    expect(kidOf(publicKey)).to.match(/^[\w-]{22}$/);
    expect(userIdOf(publicKey).startsWith(kidOf(publicKey).slice(0, 20))).to.equal(false);
    expect(possessionText('u', 'o')).to.equal('PRMS-key-v1\0u\0o');
  });

  it('by a key of another curve do not fit', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    expect(isSignedBy({ ...sound, signature: signText(other.privateKey, text) })).to.equal(false);
  });
});

describe('signatures: ThreadedVerifier', () => {
  const pair = newKeyPair();
  const checks = (count: number, wrongEvery: number): SignatureCheck[] =>
    Array.from({ length: count }, (_, i) => {
      const signature = signText(pair.privateKey, `text ${i}`);
      const text = i % wrongEvery === 0 ? 'another' : `text ${i}`;
      return { publicKey: pair.publicKey, text, signature };
    });
  const expected = (count: number, wrongEvery: number) =>
    Array.from({ length: count }, (_, i) => i % wrongEvery !== 0);

  it('answers in order, for batches small and large, also at the same time', async () => {
    const verifier = new ThreadedVerifier(3);
    try {
      const sizes = [0, 1, 12, 13, 14, 100, 333];
      const answers = await Promise.all(
        sizes.map((size, i) => verifier.verify(checks(size, i + 2))),
      );
      for (const [i, size] of sizes.entries())
        expect(answers[i], `${size} checks`).to.deep.equal(expected(size, i + 2));
    } finally {
      await verifier.close();
    }
  });

  it('keeps no process alive, though one thread was asked and the other never', async () => {
    const child = fileURLToPath(new URL('./verify.child.js', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [child], { timeout: 15_000 });
    expect(stdout).to.equal('false');
  });

  it('fails what was waiting when it is closed, and starts again when asked again', async () => {
    const verifier = new ThreadedVerifier(2);
    try {
      const waiting = verifier.verify(checks(50, 3)).then(
        () => 'answered',
        () => 'failed',
      );
      await verifier.close();
      expect(await waiting).to.equal('failed');
      expect(await verifier.verify(checks(20, 3))).to.deep.equal(expected(20, 3));
    } finally {
      await verifier.close();
    }
  });
});
