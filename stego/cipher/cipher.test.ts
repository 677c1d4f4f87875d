// Published vectors through the functions that the format is built from.
import { expect } from 'chai';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { StegoError } from '../errors.js';
import {
  WordStream,
  deriveKey,
  derivePartKeys,
  gcmOpen,
  gcmSeal,
  keystreamBytes,
  openBlob,
  openCiphertext,
  sealBlob,
  sealReport,
} from './index.js';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

interface WycheproofCase {
  tcId: number;
  key: string;
  iv: string;
  aad: string;
  msg: string;
  ct: string;
  tag: string;
  result: 'valid' | 'invalid';
}

function isCase(value: unknown): value is WycheproofCase {
  return typeof value === 'object' && value !== null && 'tcId' in value && 'result' in value;
}

function wycheproof(): WycheproofCase[] {
  const file = new URL('../../vectors/wycheproof-aes-gcm.json', import.meta.url);
  const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return Array.isArray(parsed) ? parsed.filter(isCase) : [];
}

/** HKDF written out after RFC 5869, to check the derivation against. */
function hkdf(ikm: Buffer, salt: Buffer, info: Buffer, lengthBytes: number): Buffer {
  const prk = createHmac('sha256', salt).update(ikm).digest();
  let block = Buffer.alloc(0);
  let output = Buffer.alloc(0);
  for (let i = 1; output.length < lengthBytes; i++) {
    block = createHmac('sha256', prk).update(block).update(info).update(Uint8Array.of(i)).digest();
    output = Buffer.concat([output, block]);
  }
  return output.subarray(0, lengthBytes);
}

describe('AES-GCM', () => {
  it('passes the GCM specification test cases 2 and 14', () => {
    const zero = Buffer.alloc(16);
    const none = Buffer.alloc(0);
    const nonce = Buffer.alloc(12);
    expect(toHex(gcmSeal('A128GCM', Buffer.alloc(16), nonce, none, zero))).to.equal(
      '0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf',
    );
    expect(toHex(gcmSeal('A256GCM', Buffer.alloc(32), nonce, none, zero))).to.equal(
      'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
    );
  });

  it('passes Wycheproof: seals and opens the valid ones, refuses the invalid ones', () => {
    const cases = wycheproof();
    expect(cases.length).to.equal(133);
    for (const { tcId, key, iv, aad, msg, ct, tag, result } of cases) {
      const suite = key.length === 32 ? 'A128GCM' : 'A256GCM';
      const sealed = hex(ct + tag);
      const open = () => toHex(gcmOpen(suite, hex(key), hex(iv), hex(aad), sealed));
      if (result === 'valid') {
        expect(open(), `tcId ${tcId}`).to.equal(msg);
        const again = gcmSeal(suite, hex(key), hex(iv), hex(aad), hex(msg));
        expect(toHex(again), `tcId ${tcId}`).to.equal(ct + tag);
      } else {
        expect(open, `tcId ${tcId}`).to.throw(StegoError, /does not belong/);
      }
    }
  });
});

describe('the keystream', () => {
  // AES-256 under the zero key of the counters 0 and 1: H and E(K, Y0) of GCM test case 13.
  const expected = 'dc95c078a2408989ad48a21492842087530f8afbc74536b9a963b4f1c4cb738b';

  it('is AES-256 in counter mode', () => {
    expect(toHex(keystreamBytes(Buffer.alloc(32), 0, 32))).to.equal(expected);
  });

  it('reads as big-endian words, across refills', () => {
    const stream = new WordStream(Buffer.alloc(32), 0);
    const words = new Uint32Array(40_000);
    stream.fill(words, 3);
    expect(words[0]).to.equal(0xdc95c078);
    const rest = new Uint32Array(39_997);
    stream.fill(rest, rest.length);
    const bytes = Buffer.from(keystreamBytes(Buffer.alloc(32), 0, 160_000));
    expect(rest[0]).to.equal(bytes.readUInt32BE(12));
    expect(rest[39_996]).to.equal(bytes.readUInt32BE(159_996));
  });
});

describe('key derivation', () => {
  it('is HKDF as in RFC 5869', () => {
    // Appendix A.1 and A.3.
    const ikm = Buffer.alloc(22, 0x0b);
    const okm1 = hkdf(ikm, hex('000102030405060708090a0b0c'), hex('f0f1f2f3f4f5f6f7f8f9'), 42);
    expect(toHex(okm1)).to.equal(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    );
    const okm3 = hkdf(ikm, Buffer.alloc(0), Buffer.alloc(0), 42);
    expect(toHex(okm3)).to.equal(
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    );
    const info = Buffer.from('PRMS-stego-v1 test\0context', 'latin1');
    const derived = deriveKey(ikm, 'test', Buffer.from('context'), 32);
    expect(toHex(derived)).to.equal(toHex(hkdf(ikm, Buffer.alloc(0), info, 32)));
  });

  it('gives every part, purpose and suite its own key', () => {
    const dataKey = Buffer.alloc(32, 7);
    const keys = [1, 2, 64].flatMap((n) =>
      (['A256GCM', 'A128GCM'] as const).flatMap((suite) => {
        const { position, whitening } = derivePartKeys(dataKey, suite, n);
        return [toHex(position), toHex(whitening)];
      }),
    );
    expect(new Set(keys).size).to.equal(12);
  });

  it('refuses keys and part numbers of the wrong shape', () => {
    expect(() => derivePartKeys(Buffer.alloc(31))).to.throw(StegoError, /32 bytes/);
    expect(() => derivePartKeys(Buffer.alloc(32), 'A256GCM', 0)).to.throw(StegoError, /1 to 64/);
    expect(() => derivePartKeys(Buffer.alloc(32), 'A256GCM', 65)).to.throw(StegoError, /1 to 64/);
  });
});

describe('sealing', () => {
  const dataKey = Buffer.alloc(32, 9);

  it('opens a report under its own key and suite only', () => {
    const sealed = sealReport(dataKey, 'A256GCM', Buffer.from('report'));
    expect(Buffer.from(openCiphertext(dataKey, 'A256GCM', sealed)).toString()).to.equal('report');
    expect(() => openCiphertext(dataKey, 'A128GCM', sealed)).to.throw(StegoError);
    expect(() => openCiphertext(Buffer.alloc(32), 'A256GCM', sealed)).to.throw(StegoError);
    expect(() => openCiphertext(dataKey, 'A256GCM', sealed.subarray(0, 15))).to.throw(StegoError);
  });

  it('binds a blob to its additional data and never repeats a nonce', () => {
    const aad = Buffer.from('report-1');
    const blob = sealBlob(dataKey, aad, Buffer.from('title'));
    expect(Buffer.from(openBlob(dataKey, aad, blob)).toString()).to.equal('title');
    expect(() => openBlob(dataKey, Buffer.from('report-2'), blob)).to.throw(StegoError);
    expect(() => openBlob(dataKey, aad, blob.subarray(0, 27))).to.throw(StegoError);
    expect(toHex(sealBlob(dataKey, aad, Buffer.from('title')))).not.to.equal(toHex(blob));
  });
});
