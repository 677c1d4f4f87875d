// Fabric's contract library, loaded without its side effects.

import { removeAddedHandlers } from './quiet.js';
import fabric, { Context, Contract } from 'fabric-contract-api';

removeAddedHandlers();

// Typed as named exports, but missing from the CommonJS module's named ones at run time.
const { Transaction, Returns, Info, JSONSerializer } = fabric;

export { Context, Contract, Info, JSONSerializer, Returns, Transaction };
