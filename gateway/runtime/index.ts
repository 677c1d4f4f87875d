export { openGateway, openLedger, VERSION, type Gateway, type GatewayOptions } from './open.js';
