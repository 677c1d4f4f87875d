// What this package's chaincodes are written with, from the one door that loads Fabric's libraries.
export { Context, Contract, Returns, Transaction } from '@prms/chaincode/fabric';
