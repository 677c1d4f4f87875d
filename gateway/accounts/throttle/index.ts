// Slows guessing down without keeping anybody out of their own account.
export { ADDRESS_UNKNOWN, addressGroup } from './address.js';
export { Devices } from './devices.js';
export { KnownAddresses } from './known-addresses.js';
export { Throttle } from './throttle.js';
export type { Attempt, AttemptKind, Source, ThrottleLimits } from './throttle.js';
