// Ranges and file names as RFC 9110, 6266 and 8187 want them.
import { expect } from 'chai';
import fc from 'fast-check';
import { GatewayError } from '../../errors.js';
import { failure } from '../../testing/index.js';
import { disposition, readRange } from './download.js';

const ETAG = '"e"';
const range = (text: string, total = 100, condition?: string) =>
  readRange(
    { range: text, ...(condition !== undefined && { 'if-range': condition }) },
    total,
    ETAG,
  );

describe('download ranges', () => {
  it('take a first part, a middle, an open end and a suffix', () => {
    expect(range('bytes=0-0')).to.deep.equal({ start: 0, end: 1 });
    expect(range('bytes=10-19')).to.deep.equal({ start: 10, end: 20 });
    expect(range('bytes=90-')).to.deep.equal({ start: 90, end: 100 });
    expect(range('bytes=90-999')).to.deep.equal({ start: 90, end: 100 });
    expect(range('bytes=-10')).to.deep.equal({ start: 90, end: 100 });
    expect(range('bytes=-999')).to.deep.equal({ start: 0, end: 100 });
  });

  it('give the whole for what is malformed, several ranges, or another version', () => {
    for (const text of ['', 'bytes=', 'bytes=-', 'bytes=5-2', 'bytes=0-1,3-4', 'lines=1-2', 'x'])
      expect(range(text), text).to.equal(undefined);
    expect(range('bytes=0-0', 100, '"other"')).to.equal(undefined);
    expect(range('bytes=0-0', 100, ETAG)).to.deep.equal({ start: 0, end: 1 });
  });

  it('are RANGE, with the size, when they lie outside', async () => {
    for (const [text, total] of [
      ['bytes=100-', 100],
      ['bytes=100-200', 100],
      ['bytes=-0', 100],
      ['bytes=0-0', 0],
    ] as const) {
      const error = await failure(GatewayError, () => range(text, total));
      expect(error.code, text).to.equal('RANGE');
      expect(error.options.limitBytes, text).to.equal(total);
    }
  });

  it('never reach outside, whatever is asked', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), fc.nat(200), (first, last, total) => {
        try {
          const found = range(`bytes=${first}-${last}`, total);
          if (last < first) return found === undefined;
          return found?.start === first && found.end === Math.min(last + 1, total);
        } catch (error) {
          return error instanceof GatewayError && error.code === 'RANGE' && first >= total;
        }
      }),
    );
  });
});

describe('download names', () => {
  it('stay inside their header, and come back as they were', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (name) => {
        const [, plain = '?', encoded = '?'] =
          /^attachment; filename="([A-Za-z0-9._-]*)"; filename\*=UTF-8''([A-Za-z0-9._~!%-]*)$/.exec(
            disposition(name),
          ) ?? [];
        return plain !== '?' && decodeURIComponent(encoded) === name.toWellFormed();
      }),
    );
    expect(disposition('Befund "Müller".pdf')).to.equal(
      `attachment; filename="Befund__M_ller_.pdf"; filename*=UTF-8''Befund%20%22M%C3%BCller%22.pdf`,
    );
  });
});
