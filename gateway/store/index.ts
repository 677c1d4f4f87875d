// The gateway's own data: the port, the implementation on `level`, and typed documents over either.
export type {
  CommitOptions,
  ListOptions,
  SpaceName,
  Store,
  StoreEntry,
  StoreExpectation,
  StoreWrite,
} from './store.js';
export type { DatabaseOptions } from './database.js';
export { openStore } from './level.js';
export { Documents } from './documents.js';
export type { DocumentEntry } from './documents.js';
export { KeyedLock } from './keyed-lock.js';
