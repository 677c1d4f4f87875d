// The only door to Fabric's contract library in this package. `@prms/network` is loaded first: it undoes what the library
// does to the whole process when it is loaded.
import '@prms/network';
import fabric, { Context, Contract } from 'fabric-contract-api';

// Typed as named exports, but missing from the CommonJS module's named ones at run time.
const { Transaction, Returns } = fabric;

export { Context, Contract, Returns, Transaction };
