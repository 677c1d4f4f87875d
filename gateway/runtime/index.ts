export { openLedger } from './ledger.js';
export { openGateway, VERSION, type Gateway, type GatewayOptions } from './open.js';
