// The binary encoding comes back as it went in, and malformed bytes are refused.
import { expect } from 'chai';
import fc from 'fast-check';
import { ByteReader, ByteWriter, MalformedBytes } from './bytes.js';

describe('bytes', () => {
  it('property: what is written is read', () => {
    const item = fc.record({
      number: fc.maxSafeNat(),
      text: fc.string({ unit: 'grapheme' }),
      blob: fc.uint8Array(),
    });
    fc.assert(
      fc.property(fc.array(item), (items) => {
        const writer = new ByteWriter(1);
        for (const { number, text, blob } of items) writer.varint(number).string(text).bytes(blob);
        const reader = new ByteReader(writer.finish());
        for (const { number, text, blob } of items) {
          expect(reader.varint()).to.equal(number);
          expect(reader.string()).to.equal(text);
          expect(Uint8Array.from(reader.bytes())).to.deep.equal(blob);
        }
        reader.end();
      }),
    );
  });

  it('has one encoding for each number', () => {
    const refused = [[0x80], [0x80, 0x00], [0x81, 0x00], Array.from({ length: 9 }, () => 0xff)];
    for (const bytes of refused) {
      expect(() => new ByteReader(Buffer.from(bytes)).varint(), bytes.join()).to.throw(
        MalformedBytes,
      );
    }
    const over = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    expect(() => new ByteReader(over).varint()).to.throw(MalformedBytes);
  });

  it('refuses lengths and counts that the bytes do not bear out, and leftovers', () => {
    expect(() => new ByteReader(Buffer.from([5, 1, 2])).bytes()).to.throw(MalformedBytes);
    expect(() => new ByteReader(Buffer.from([200, 1, 2])).count(2)).to.throw(MalformedBytes);
    const reader = new ByteReader(Buffer.from([1, 2]));
    reader.byte();
    expect(() => reader.end()).to.throw(MalformedBytes);
  });
});
