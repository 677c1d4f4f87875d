// The one door to Fabric's libraries, for this package and for whoever hosts chaincode: loading them changes the whole
// process (quiet.ts), and here it is undone.

export { Context, Contract, Info, Returns, Transaction } from './contract-api.js';
export { routerOf, type Response, type Router, type TransactionMetadata } from './router.js';
