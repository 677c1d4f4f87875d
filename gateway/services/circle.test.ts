// Categories as they stand on the ledger: the same word is the same tag however it is written, and says nothing without the
// patient's key.
import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { tagOf } from './circle.js';

const key = Buffer.alloc(32, 1);

describe('tags of categories', () => {
  it('are 16 bytes of HMAC-SHA-256 under the patient’s key, base64url', () => {
    const hmac = createHmac('sha256', key).update('PRMS-tag-v1\0imaging', 'utf8').digest();
    expect(tagOf(key, 'imaging')).to.equal(hmac.subarray(0, 16).toString('base64url'));
  });

  it('do not depend on case, surrounding blanks or the composition of letters', () => {
    for (const written of ['Röntgen', ' röntgen\t', 'RO\u0308NTGEN', 'ro\u0308ntgen'])
      expect(tagOf(key, written)).to.equal(tagOf(key, 'röntgen'));
  });

  it('differ for different words, and for the same word of two patients', () => {
    const word = fc.string({ minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(word, word, (one, two) => {
        fc.pre(
          one.normalize('NFC').trim().toLowerCase() !== two.normalize('NFC').trim().toLowerCase(),
        );
        expect(tagOf(key, one)).to.not.equal(tagOf(key, two));
        expect(tagOf(key, one)).to.not.equal(tagOf(Buffer.alloc(32, 2), one));
      }),
    );
  });
});
