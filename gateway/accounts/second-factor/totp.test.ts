import { expect } from 'chai';
import { acceptedStep, base32, totpCode, TOTP_STEP_MS, totpUri } from './totp.js';

const ascii = (text: string) => Buffer.from(text, 'ascii');
const SHA1_SECRET = ascii('12345678901234567890');

describe('one-time passwords', () => {
  it('are those of RFC 6238, appendix B', () => {
    const secrets = {
      sha1: SHA1_SECRET,
      sha256: ascii('12345678901234567890123456789012'),
      sha512: ascii('1234567890123456789012345678901234567890123456789012345678901234'),
    };
    const vectors: [seconds: number, sha1: string, sha256: string, sha512: string][] = [
      [59, '94287082', '46119246', '90693936'],
      [1111111109, '07081804', '68084774', '25091201'],
      [1111111111, '14050471', '67062674', '99943326'],
      [1234567890, '89005924', '91819424', '93441116'],
      [2000000000, '69279037', '90698825', '38618901'],
      [20000000000, '65353130', '77737706', '47863826'],
    ];
    for (const [seconds, ...codes] of vectors) {
      const step = Math.floor((seconds * 1000) / TOTP_STEP_MS);
      const made = (['sha1', 'sha256', 'sha512'] as const).map((hash) =>
        totpCode(secrets[hash], step, { digits: 8, hash }),
      );
      expect(made, String(seconds)).to.deep.equal(codes);
    }
  });

  it('are those of RFC 4226, appendix D, with six digits', () => {
    const codes = Array.from({ length: 10 }, (_, count) => totpCode(SHA1_SECRET, count));
    expect(codes.join(' ')).to.equal(
      '755224 287082 359152 969429 338314 254676 287922 162583 399871 520489',
    );
  });

  it('are taken one step early or late, and never at or before a step that was used', () => {
    const nowMs = 100 * TOTP_STEP_MS + 1;
    const accepted = (step: number, usedStep = -1) =>
      acceptedStep(SHA1_SECRET, totpCode(SHA1_SECRET, step), { nowMs, usedStep });
    expect([98, 99, 100, 101, 102].map((step) => accepted(step))).to.deep.equal([
      undefined,
      99,
      100,
      101,
      undefined,
    ]);
    expect([99, 100, 101].map((step) => accepted(step, 100))).to.deep.equal([
      undefined,
      undefined,
      101,
    ]);
  });

  it('are six digits and nothing else', () => {
    const right = totpCode(SHA1_SECRET, 100);
    const wrong = [
      right.slice(0, 5),
      `${right}0`,
      ` ${right}`,
      '',
      'ä'.repeat(6),
      '9'.repeat(1000),
    ];
    for (const code of wrong) {
      const step = acceptedStep(SHA1_SECRET, code, { nowMs: 100 * TOTP_STEP_MS, usedStep: -1 });
      expect(step, code).to.equal(undefined);
    }
  });

  it('have secrets in base32 (RFC 4648, §10) and an address for applications', () => {
    const vectors = ['', 'MY', 'MZXQ', 'MZXW6', 'MZXW6YQ', 'MZXW6YTB', 'MZXW6YTBOI'];
    expect(vectors.map((_, length) => base32(ascii('foobar'.slice(0, length))))).to.deep.equal(
      vectors,
    );
    const uri = new URL(totpUri('MZXW6', 'a+b@mail/x'));
    expect(uri.pathname).to.equal('/PRMS:a%2Bb%40mail%2Fx');
    expect(uri.searchParams.get('secret')).to.equal('MZXW6');
  });
});
