import { join } from 'node:path';
import { expect } from 'chai';
import { GatewayError } from '../../errors.js';
import { openStore, type Store } from '../../store/index.js';
import {
  failure,
  ManualClock,
  seededRandom,
  temporaryFolder,
  type TemporaryFolder,
} from '../../testing/index.js';
import { addressGroup, type Source } from './index.js';
import { throttleFor } from './testing.js';
import { AttemptWindow } from './window.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const random = seededRandom('throttle');
const from = (address: string, ...devices: string[]): Source => ({ address, devices });
const HOME = from('203.0.113.1');

describe('addresses', () => {
  it('stand for one host (IPv4) or for one /64 (IPv6), however they are written', () => {
    const cases: [string | undefined, string][] = [
      ['203.0.113.7', '203.0.113.7'],
      ['::ffff:203.0.113.7', '203.0.113.7'],
      ['::ffff:cb00:7107', '203.0.113.7'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
      ['2001:DB8:0001:0002:ffff::1', '2001:db8:1:2::/64'],
      ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
      ['fe80::1%eth0', 'fe80::/64'],
      ['::1', '::/64'],
      ['nonsense', 'unknown'],
      [undefined, 'unknown'],
    ];
    for (const [ip, group] of cases) expect(addressGroup(ip), ip).to.equal(group);
  });
});

describe('attempts', () => {
  let folder: TemporaryFolder;
  let store: Store;
  let clock: ManualClock;
  beforeEach(async () => {
    folder = await temporaryFolder();
    store = await openStore(join(folder.path, 'store'));
    clock = new ManualClock();
  });
  afterEach(async () => {
    await store.close();
    await folder.remove();
  });
  const throttle = (limits: Parameters<typeof throttleFor>[1]) =>
    throttleFor({ store, clock, random }, limits);
  const wait = async (work: () => Promise<unknown>): Promise<number> => {
    const { code, options } = await failure(GatewayError, work);
    expect(code).to.equal('TOO_MANY');
    return options.retryAfterMs ?? NaN;
  };

  it('are bounded a minute and an hour, for one account from one address', async () => {
    const door = throttle({ perMinute: 3, perHour: 5 });
    const attempt = () => door.attempt('log-in', 'anna', HOME);
    for (let n = 0; n < 3; n += 1) await attempt();
    expect(await wait(attempt)).to.equal(MINUTE_MS);
    clock.advance(MINUTE_MS);
    await attempt();
    await attempt();
    expect(await wait(attempt)).to.equal(HOUR_MS - MINUTE_MS);
    await door.attempt('log-in', 'ben', HOME);
    await door.attempt('log-in', 'anna', from('203.0.113.2'));
    await door.attempt('recovery', 'anna', HOME);
    clock.advance(HOUR_MS - MINUTE_MS);
    await attempt();
  });

  it('that come at the same moment are all counted', async () => {
    const door = throttle({ perMinute: 3 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, () => door.attempt('log-in', 'anna', HOME)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(3);
  });

  it('of strangers never count against a known device, a known address or a session', async () => {
    const door = throttle({ perMinute: 2, strangersPerHour: 6 });
    const device = await door.welcome('anna', HOME);
    for (let n = 0; n < 6; n += 1) await door.attempt('log-in', 'anna', from(`198.51.100.${n}`));
    const elsewhere = '192.0.2.9';
    expect(await wait(() => door.attempt('log-in', 'anna', from(elsewhere)))).to.equal(HOUR_MS);

    await door.attempt('log-in', 'anna', HOME);
    await door.attempt('log-in', 'anna', from(elsewhere, device));
    await door.attempt('log-in', 'anna', { ...from(elsewhere), session: 'of anna' });
    // But each has its own bound.
    await door.attempt('log-in', 'anna', from(elsewhere, device));
    await wait(() => door.attempt('log-in', 'anna', from('192.0.2.10', device)));
  });

  it('from one address are bounded whatever the names; a known device there goes on', async () => {
    const door = throttle({ addressPerMinute: 3 });
    const device = await door.welcome('anna', HOME);
    for (const name of ['ben', 'carl', 'dora']) await door.attempt('log-in', name, HOME);
    expect(await wait(() => door.attempt('log-in', 'emil', HOME))).to.equal(MINUTE_MS);
    await door.attempt('log-in', 'anna', from(HOME.address, device));
  });

  it('that succeed do not count', async () => {
    const door = throttle({ perMinute: 1, perHour: 1, strangersPerHour: 1, addressPerMinute: 1 });
    for (let n = 0; n < 5; n += 1) {
      const attempt = await door.attempt('log-in', 'anna', HOME);
      await attempt.succeed();
    }
  });

  it('with another account’s token, a forged or an old one are a stranger’s', async () => {
    const door = throttle({ strangersPerHour: 1 });
    const device = await door.welcome('anna', HOME);
    const bens = await door.welcome('ben', from('192.0.2.1'));
    const forged = `${device.slice(0, -1)}${device.endsWith('A') ? 'B' : 'A'}`;
    await door.attempt('log-in', 'anna', from('192.0.2.1'));
    for (const token of [bens, forged, device.slice(0, 40), `${device}A`, '', 'é'.repeat(72)]) {
      await wait(() => door.attempt('log-in', 'anna', from('192.0.2.1', token)));
    }
    await door.attempt('log-in', 'anna', from('192.0.2.1', bens, device));
    clock.advance(180 * 24 * HOUR_MS);
    await door.attempt('log-in', 'anna', from('192.0.2.2'));
    await wait(() => door.attempt('log-in', 'anna', from('192.0.2.1', device)));
  });

  it('at one-time codes have a bound of their own', async () => {
    const door = throttle({ secondFactorPerHour: 2, perHour: 100 });
    const attempt = (address: string) => door.attempt('second-factor', 'anna', from(address));
    await attempt('192.0.2.1');
    await attempt('192.0.2.2');
    await wait(() => attempt('192.0.2.3'));
    await door.attempt('log-in', 'anna', from('192.0.2.3'));
  });

  it('to register are bounded by address', async () => {
    const door = throttle({ registrationsPerHour: 2 });
    await door.registration(HOME);
    await door.registration(HOME);
    expect(await wait(() => door.registration(HOME))).to.equal(HOUR_MS);
    await door.registration(from('203.0.113.2'));
  });

  it('leave no address in the store, and remember no more than a few', async () => {
    const door = throttle({});
    for (let n = 0; n < 20; n += 1) await door.welcome('anna', from(`203.0.113.${n}`));
    const entries = [];
    for await (const { value } of store.list('known-addresses'))
      entries.push(Buffer.from(value).toString());
    expect(entries).to.have.length(1);
    expect(entries[0]).to.not.include('203.0.113');
    expect(entries[0]?.match(/hash/g)).to.have.length(8);
  });

  it('are held in bounded memory: the key that was tried longest ago is forgotten', async () => {
    const window = new AttemptWindow(clock, { points: 1, seconds: 60 }, 2);
    await window.take('a');
    await window.take('b');
    await wait(() => window.take('a'));
    await window.take('c');
    await wait(() => window.take('a'));
    await window.take('b');
  });
});
