// Who may log in, with which keys, and the sessions they hold.
export { accountRoles, Accounts, wipeOpened } from './accounts.js';
export type { Account, AccountRole, LogIn, Profile, Registration } from './accounts.js';
export { loginNameSchema, passwordSchema } from './login-name.js';
export {
  assertionSchema,
  createdPasskeySchema,
  PendingLogIns,
  SecondFactors,
  SignInPolicies,
} from './second-factor/index.js';
export type { Asked, ListedFactors, Proof, SignInPolicy, Site } from './second-factor/index.js';
export { sessionKinds, Sessions } from './sessions.js';
export type { Session, SessionKind, SessionLimits } from './sessions.js';
export { addressGroup, Devices, KnownAddresses, Throttle } from './throttle/index.js';
export type { Source, ThrottleLimits } from './throttle/index.js';
