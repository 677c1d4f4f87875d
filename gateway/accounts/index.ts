// Who may log in, with which keys, and the sessions they hold.
export { accountRoles, Accounts, wipeOpened } from './accounts.js';
export type { Account, AccountRole, LogIn, Profile, Registration } from './accounts.js';
export { AttemptLimiter } from './attempt-limiter.js';
export { loginNameSchema, passwordSchema } from './login-name.js';
export { sessionKinds, Sessions } from './sessions.js';
export type { Session, SessionKind, SessionLimits } from './sessions.js';
