// The only door to Fabric's contract library in this package (see quiet.ts for why).

import { removeAddedHandlers } from './quiet.js';
import fabric, { Context, Contract } from 'fabric-contract-api';

removeAddedHandlers();

// Typed as named exports, but missing from the CommonJS module's named ones at run time.
const { Transaction, Returns } = fabric;

export { Context, Contract, Returns, Transaction };
