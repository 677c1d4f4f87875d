import { Aes128Gcm, Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core';
import { expect } from 'chai';
import fc from 'fast-check';
import { GatewayError } from '../errors.js';
import { failure, seededRandom } from '../testing/index.js';
import { generateKeyPair, unwrapKey, wrapKey, wrapPurposes } from './index.js';
import type { WrapBinding } from './index.js';
import { rfc9180Vectors } from './vectors/index.js';

const hex = (bytes: ArrayBuffer | Uint8Array): string =>
  Buffer.from(new Uint8Array(bytes)).toString('hex');

describe('HPKE: the vectors of RFC 9180, DHKEM(P-256, HKDF-SHA256), base mode', () => {
  for (const vector of rfc9180Vectors) {
    const aead = vector.aead_id === 2 ? new Aes256Gcm() : new Aes128Gcm();
    const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead });

    it(`AEAD ${vector.aead_id}: sender and recipient agree with every ciphertext`, async () => {
      expect(vector.encryptions).to.have.length(6);
      const publicKey = await suite.kem.deserializePublicKey(vector.pkRm);
      const sender = await suite.createSenderContext({
        recipientPublicKey: publicKey,
        info: vector.info,
        ekm: vector.ikmE,
      });
      expect(hex(sender.enc)).to.equal(hex(vector.enc));
      const privateKey = await suite.kem.deserializePrivateKey(vector.skRm);
      const recipient = await suite.createRecipientContext({
        recipientKey: { privateKey, publicKey },
        enc: vector.enc,
        info: vector.info,
      });
      // The contexts count up by themselves; the vectors name 0, 1, 2, 4, 255 and 256.
      const bySequence = new Map(
        [0, 1, 2, 4, 255, 256].map((n, index) => [n, vector.encryptions[index]]),
      );
      for (let sequence = 0; sequence <= 256; sequence += 1) {
        const expected = bySequence.get(sequence);
        const aad = expected?.aad ?? Buffer.from(`Count-${sequence}`);
        const ct = await sender.seal(expected?.pt ?? vector.info, aad);
        const pt = await recipient.open(expected?.ct ?? ct, aad);
        if (expected !== undefined)
          expect([hex(ct), hex(pt)]).to.deep.equal([hex(expected.ct), hex(expected.pt)]);
      }
    });
  }

  it('a wrap as it stands in our format opens: the layout is version, enc, ciphertext with tag', async () => {
    const pair = generateKeyPair(seededRandom('r'));
    const wrapped = await wrapKey({
      ...binding,
      recipientPublicKey: pair.publicKey,
      secret: new Uint8Array(32),
    });
    expect([wrapped.length, wrapped[0], wrapped[1]]).to.deep.equal([1 + 65 + 32 + 16, 1, 4]);
    // Opened by the library alone, from the written specification of `info` and `aad`.
    const lp = (text: string): Buffer =>
      Buffer.concat([Buffer.of(0, Buffer.byteLength(text)), Buffer.from(text)]);
    const suite = new CipherSuite({
      kem: new DhkemP256HkdfSha256(),
      kdf: new HkdfSha256(),
      aead: new Aes256Gcm(),
    });
    const opened = await suite.open(
      {
        recipientKey: {
          privateKey: await suite.kem.deserializePrivateKey(pair.privateKey),
          publicKey: await suite.kem.deserializePublicKey(pair.publicKey),
        },
        enc: wrapped.slice(1, 66),
        info: Buffer.concat([lp('PRMS-wrap-v1'), lp('report'), lp('records')]),
      },
      wrapped.slice(66),
      Buffer.concat([lp('report-1'), lp('user-1'), lp('key-1')]),
    );
    expect(hex(opened)).to.equal('00'.repeat(32));
  });
});

const binding: WrapBinding = {
  purpose: 'report',
  ledger: 'records',
  subject: 'report-1',
  recipient: 'user-1',
  kid: 'key-1',
};

describe('key wraps', () => {
  const pair = generateKeyPair(seededRandom('recipient'));
  const secret = seededRandom('secret')(32);
  const wrap = (changes: Partial<WrapBinding> = {}): Promise<Uint8Array> =>
    wrapKey({ ...binding, ...changes, recipientPublicKey: pair.publicKey, secret });
  const unwrap = (wrapped: Uint8Array, changes: Partial<WrapBinding> = {}): Promise<Uint8Array> =>
    unwrapKey({ ...binding, ...changes, recipientPrivateKey: pair.privateKey, wrapped });

  it('give the secret back, for every purpose, and differ each time', async () => {
    for (const purpose of wrapPurposes) {
      const wrapped = await wrap({ purpose });
      expect(hex(await unwrap(wrapped, { purpose }))).to.equal(hex(secret));
      expect(hex(await wrap({ purpose }))).to.not.equal(hex(wrapped));
    }
  });

  it('do not open when any part of the binding is another', async () => {
    const wrapped = await wrap();
    const others: Partial<WrapBinding>[] = [
      { purpose: 'epoch' },
      { ledger: 'other' },
      { subject: 'report-2' },
      { recipient: 'user-2' },
      { kid: 'key-2' },
      { subject: 'report-1user', recipient: '-1' },
    ];
    for (const other of others) {
      const error = await failure(GatewayError, () => unwrap(wrapped, other));
      expect(error.code, JSON.stringify(other)).to.equal('WRAP_DAMAGED');
    }
  });

  it('do not open with another key, and name what they belong to', async () => {
    const stranger = generateKeyPair(seededRandom('stranger'));
    const wrapped = await wrap();
    const error = await failure(GatewayError, () =>
      unwrapKey({ ...binding, recipientPrivateKey: stranger.privateKey, wrapped }),
    );
    expect(error.ids).to.include({ report: 'report-1', recipient: 'user-1', kid: 'key-1' });
  });

  it('do not open after any change of their bytes (property)', async () => {
    const wrapped = await wrap();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.record({ at: fc.nat(wrapped.length - 1), flip: fc.integer({ min: 1, max: 255 }) }),
          fc.record({ cut: fc.nat(wrapped.length - 1) }),
        ),
        async (change) => {
          const changed = 'cut' in change ? wrapped.slice(0, change.cut) : Uint8Array.from(wrapped);
          if ('at' in change) changed[change.at] = (changed[change.at] ?? 0) ^ change.flip;
          expect((await failure(GatewayError, () => unwrap(changed))).code).to.equal(
            'WRAP_DAMAGED',
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it('refuse a public key that is no point of the curve', async () => {
    const recipientPublicKey = Uint8Array.from(pair.publicKey);
    recipientPublicKey[64] = (recipientPublicKey[64] ?? 0) ^ 1;
    const error = await failure(GatewayError, () =>
      wrapKey({ ...binding, recipientPublicKey, secret }),
    );
    expect(error.code).to.equal('VALIDATION');
  });
});
