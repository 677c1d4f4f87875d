// Parsed documents that are kept: the bytes decide, always.

import { expect } from 'chai';
import { parsed } from './parsed.js';

const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('parsed documents', () => {
  it('are shared while their bytes are the same, under the same key', () => {
    const first = parsed('user/a', bytes({ n: 1 }));
    expect(parsed('user/a', bytes({ n: 1 }))).to.equal(first);
    expect(parsed('user/b', bytes({ n: 1 }))).to.not.equal(first);
  });

  it('are what the bytes say, whichever came before', () => {
    for (const n of [1, 2, 1, 3]) expect(parsed('user/c', bytes({ n }))).to.deep.equal({ n });
  });

  it('do not follow the buffer that they came in', () => {
    const buffer = bytes({ n: 1 });
    parsed('user/d', buffer);
    buffer.write('{"n":2}');
    expect(parsed('user/d', buffer)).to.deep.equal({ n: 2 });
    expect(parsed('user/d', bytes({ n: 1 }))).to.deep.equal({ n: 1 });
  });

  it('are not kept where documents are seldom read again', () => {
    const first = parsed('access/a/b', bytes({ n: 1 }));
    expect(parsed('access/a/b', bytes({ n: 1 }))).to.not.equal(first);
  });
});
