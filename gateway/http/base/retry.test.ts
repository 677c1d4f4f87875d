// Whoever is turned away is always told when to come again.
import { expect } from 'chai';
import { GatewayError, gatewayErrorRows } from '../../errors.js';
import { inSeconds, retryAfterMs } from './retry.js';

describe('when to come again', () => {
  const times = { retrySoonMs: 1500, retryLaterMs: 9000 };

  it('is said with every 429 and 503 and of a cloud that is away, and with nothing else', () => {
    for (const { code, status } of gatewayErrorRows) {
      const ms = retryAfterMs(new GatewayError(code, 'x'), times);
      if (status === 429 || status === 503 || code === 'CLOUD_UNAVAILABLE')
        expect(ms, code).to.be.oneOf([1500, 9000]);
      else expect(ms, code).to.equal(undefined);
    }
  });

  it('is the time itself where it is known, else soon, or later where it takes a while', () => {
    const busy = (options: ConstructorParameters<typeof GatewayError>[2]) =>
      retryAfterMs(new GatewayError('BUSY', 'x', options), times);
    expect(busy({ retryAfterMs: 40_000 })).to.equal(40_000);
    expect(busy({})).to.equal(1500);
    expect(busy({ retry: 'later' })).to.equal(9000);
    expect(retryAfterMs(new GatewayError('LEDGER_UNAVAILABLE', 'x'), times)).to.equal(9000);
  });

  it('is rounded up to whole seconds', () => {
    expect([1, 1000, 1001].map(inSeconds)).to.deep.equal(['1', '1', '2']);
  });
});
