// A throttle for tests: ample limits, but for those that a test sets.
import type { Clock, RandomBytes } from '../../ambient.js';
import type { Store } from '../../store/index.js';
import { Devices } from './devices.js';
import { KnownAddresses } from './known-addresses.js';
import { Throttle, type ThrottleLimits } from './throttle.js';

const DAY_MS = 24 * 60 * 60_000;

export function throttleFor(
  { store, clock, random }: { store: Store; clock: Clock; random: RandomBytes },
  limits: Partial<ThrottleLimits> = {},
): Throttle {
  return new Throttle({
    clock,
    devices: new Devices({ key: random(32), clock, random, lifeMs: 180 * DAY_MS }),
    addresses: new KnownAddresses({
      ...{ store, clock, key: random(32) },
      lifeMs: 180 * DAY_MS,
      most: 8,
    }),
    limits: {
      perMinute: 1000,
      perHour: 1000,
      strangersPerHour: 1000,
      secondFactorPerHour: 1000,
      addressPerMinute: 1000,
      registrationsPerHour: 1000,
      maxKeys: 1000,
      ...limits,
    },
  });
}
