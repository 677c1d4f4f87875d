// The key wraps of docs/key-wraps.md: opening each published one gives its secret, and nothing else opens it.

import { expect } from 'chai';
import { GatewayError } from '../errors.js';
import { failure } from '../testing/index.js';
import { encodePublicKey, publicKeyOf, unwrapKey, wrapKey, wrapPurposes } from './index.js';
import { wrapVectors } from './vectors/index.js';

const { recipientPrivateKey, recipientPublicKey, wraps } = wrapVectors;

describe('published key wraps', () => {
  it('there is one of each purpose', () => {
    expect(new Set(wraps.map(({ purpose }) => purpose))).to.deep.equal(new Set(wrapPurposes));
  });

  it('the keys belong together', () => {
    expect(encodePublicKey(publicKeyOf(recipientPrivateKey))).to.equal(
      encodePublicKey(recipientPublicKey),
    );
  });

  for (const { secret, wrapped, object: _name, ...binding } of wraps) {
    it(`${binding.purpose} ${binding.subject}: opens to its secret`, async () => {
      const opened = await unwrapKey({ ...binding, recipientPrivateKey, wrapped });
      expect(Buffer.from(opened).toString('hex')).to.equal(Buffer.from(secret).toString('hex'));
    });

    it(`${binding.purpose} ${binding.subject}: opens under no other binding`, async () => {
      for (const part of ['subject', 'ledger', 'recipient', 'kid'] as const) {
        const other = { ...binding, [part]: `${binding[part]}x` };
        const error = await failure(GatewayError, () =>
          unwrapKey({ ...other, recipientPrivateKey, wrapped }),
        );
        expect(error.code, part).to.equal('WRAP_DAMAGED');
      }
    });

    it(`${binding.purpose} ${binding.subject}: a new wrap has the same shape`, async () => {
      const again = await wrapKey({ ...binding, recipientPublicKey, secret });
      expect(again).to.have.length(wrapped.length);
      expect(again[0]).to.equal(1);
    });
  }
});
