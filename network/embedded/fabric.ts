// The only door to Fabric's libraries in this package. Loading them has side effects on the whole process
// (handlers that swallow uncaught exceptions, a logger on stdout), which are undone here.
import { removeAddedHandlers } from './fabric-before.js';
import fabric, { Context, Contract } from 'fabric-contract-api';
import ChaincodeFromContract from 'fabric-shim/lib/contract-spi/chaincodefromcontract.js';

removeAddedHandlers();

// Type-checked as named exports but missing at run time: CommonJS hides them from the lexer.
const { Transaction, Returns, Info, JSONSerializer } = fabric;

export { ChaincodeFromContract, Context, Contract, Info, JSONSerializer, Returns, Transaction };
