import { expect } from 'chai';
import { MAX_SKEW_MS, readOperationLine, SHORT_LIFE_MS } from '@prms/chaincode';
import { BenchError } from '../../errors.js';
import type { Call, OrderedCall } from '../../platforms/platform.js';
import { recordsWorkload } from './index.js';
import { AHEAD_MS, CallStore, presign, type SignedCall } from './presigned.js';
import { quickSetting } from './testing.js';

const START_MS = Date.UTC(2026, 0, 1);

const signed = (n: number, bytes: number): SignedCall => ({
  call: {
    kind: n % 3 === 0 ? 'grant' : 'access',
    refusable: n % 5 === 0,
    way: 'ordered',
    line: String(n).padEnd(bytes, 'x'),
    lane: `lane-${n % 7}`,
  },
  patient: n % 7,
  expiresAt: START_MS + n,
});
const laneOf = (patient: number): string => `lane-${patient}`;

describe('presigned calls', () => {
  it('come out of their buffers as they went in, over many buffers', () => {
    const store = new CallStore(laneOf);
    // Lengths that fill a buffer of 8 MiB to its last bytes, or nearly: whole, and with less than a header left over.
    const lengths = [...Array.from({ length: 1200 }, (_, n) => 60_000 + (n % 37)), 16, 1, 65_535];
    const calls = lengths.map((bytes, n) => signed(n, bytes));
    for (const call of calls) store.put(call);
    expect(store.count).to.equal(calls.length);
    for (const call of calls) expect(store.take()).to.deep.equal(call);
    expect(store.take()).to.equal(undefined);
  });

  for (const left of [0, 1, 15, 16, 17]) {
    it(`go on in the next buffer when ${left} bytes are left in one`, () => {
      const store = new CallStore(laneOf);
      const room = 8 * 1024 * 1024 - left;
      const calls: SignedCall[] = [];
      for (let filled = 0; filled < room;) {
        const bytes = Math.min(50_000, room - filled - 16);
        calls.push(signed(calls.length, bytes));
        filled += bytes + 16;
      }
      calls.push(signed(1, 100), signed(2, 100));
      for (const call of calls) store.put(call);
      for (const call of calls) expect(store.take()).to.deep.equal(call);
    });
  }

  it('can be put while others are taken', () => {
    const store = new CallStore(laneOf);
    for (let n = 0; n < 500; n++) {
      store.put(signed(n, 40_000));
      if (n % 2 === 1) expect(store.take()).to.deep.equal(signed((n - 1) / 2, 40_000));
    }
    expect(store.count).to.equal(250);
  });

  it('can be taken as fast as they are put', () => {
    const store = new CallStore(laneOf);
    for (let n = 0; n < 500; n++) {
      store.put(signed(n, 40_000));
      expect(store.take()).to.deep.equal(signed(n, 40_000));
      expect(store.take()).to.equal(undefined);
    }
  });

  it('are those that would have been signed during the run', async () => {
    const now = { ms: START_MS };
    const workload = recordsWorkload({
      now: () => now.ms,
      elapsedMs: () => now.ms,
      reportBytes: 1,
    });
    const share = { generator: 0, generators: 2, calls: 700 };
    const setting = quickSetting(4);
    const world = { issuedAt: START_MS - 60_000, first: [] };
    const before = await workload.open({ ...setting, presigned: true }, world, share);
    now.ms += AHEAD_MS;
    const during = await workload.open(setting, world, share);
    for (let n = 0; n < share.calls; n++) {
      const [one, other] = [asOrdered(await before.next()), asOrdered(await during.next())];
      expect(one.kind).to.equal(other.kind);
      expect(one.refusable).to.equal(other.refusable);
      expect(one.lane).to.equal(other.lane);
      // Issued at the same instant, by the clock that was put forward: everything but the signature is the same.
      expect(readOperationLine(one.line)?.bytes).to.equal(readOperationLine(other.line)?.bytes);
      expect(one.stagesMs).to.equal(undefined);
    }
    expect(() => before.next()).to.throw(BenchError, /more calls than were signed/);
  });

  it('are issued no further ahead than the ledger allows', () => {
    expect(AHEAD_MS).to.be.above(0).and.below(MAX_SKEW_MS);
  });

  const options = (now: () => number, lastsMs: number) => ({
    share: { generator: 0, generators: 1, calls: 10_000, lastsMs },
    now,
    laneOf,
    make: () => signed(1, 10),
  });

  it('are refused for a run that lasts longer than an access lives', async () => {
    const fits = presign(options(() => START_MS, SHORT_LIFE_MS));
    expect(await fits).to.have.property('next');
    const error = await failureOf(presign(options(() => START_MS, SHORT_LIFE_MS + 60_000)));
    expect(error).to.have.property('code', 'USAGE');
  });

  it('are refused as soon as it shows that signing takes too long', async () => {
    let ms = START_MS;
    let made = 0;
    const slow = options(() => (ms += 100), 1000);
    const make = (): SignedCall => {
      made++;
      return signed(1, 10);
    };
    const error = await failureOf(presign({ ...slow, make }));
    expect(error).to.have.property('code', 'USAGE');
    expect(made).to.be.below(1000);
  });

  it('end the run when the first has expired before it is sent', async () => {
    let ms = START_MS;
    const stream = await presign({
      ...options(() => ms, 1000),
      make: (issuedAt) => ({ ...signed(1, 10), expiresAt: issuedAt + SHORT_LIFE_MS }),
    });
    expect(await stream.next()).to.have.property('kind', 'access');
    ms += AHEAD_MS + SHORT_LIFE_MS;
    expect(() => stream.next()).to.throw(BenchError, /beforehand/);
  });
});

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('nothing was refused');
}

function asOrdered(call: Call): OrderedCall {
  if (call.way !== 'ordered') throw new Error(`${call.kind} is not ordered`);
  return call;
}
