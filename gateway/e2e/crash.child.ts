// A gateway in a process of its own, to be killed: tells its address, and lets its ledger hang or work as it is told.
import { loadConfig } from '../config/index.js';
import { openGateway } from '../runtime/index.js';
import { MoodyLedger } from './moody-ledger.js';

const { config } = loadConfig(process.env);
const moody = await MoodyLedger.openIn(`${config.dataDir}/ledger`, { now: () => Date.now() });
const gateway = await openGateway({ config, ledger: moody.ledger });
process.on('message', (mood) => {
  if (mood === 'hangs') moody.hangs();
  process.send?.({ mood });
});
// Whoever started this is gone: so is the reason to live.
process.on('disconnect', () => process.exit(1));
process.send?.({ url: gateway.url });
