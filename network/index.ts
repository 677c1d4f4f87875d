// The door of @prms/network: the port, the ledger in one process, and group commit.
export * from './ledger.js';
export * from './evidence.js';
export * from './batching/index.js';
export * from './embedded/index.js';
