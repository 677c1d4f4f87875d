// Second factors: one-time codes and passkeys, recovery codes for them, log-ins that wait for one, and who must have one.
export { assertionSchema, createdPasskeySchema } from './passkeys.js';
export type { Site } from './passkeys.js';
export { PendingLogIns } from './pending-log-ins.js';
export { SignInPolicies } from './policies.js';
export type { SignInPolicy } from './policies.js';
export { SecondFactors } from './second-factors.js';
export type { Asked, ListedFactors, Proof } from './second-factors.js';
