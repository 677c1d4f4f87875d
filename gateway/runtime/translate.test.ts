// What the packages and the machine below throw, as a client is told it.
import { expect } from 'chai';
import { translate } from './translate.js';

describe('errors from below', () => {
  for (const code of ['ENOSPC', 'EDQUOT', 'EIO', 'LEVEL_IO_ERROR'])
    it(`${code}: the disk is full or failing, come back later`, () => {
      const told = translate(Object.assign(new Error('write'), { code }));
      expect(told?.code).to.equal('STORE_UNAVAILABLE');
      expect(told?.status).to.equal(503);
      expect(told?.options.retry).to.equal('later');
    });

  it('of another kind are not its own', () => {
    expect(translate(Object.assign(new Error('open'), { code: 'ENOENT' }))).to.equal(undefined);
    expect(translate(new Error('anything'))).to.equal(undefined);
  });
});
