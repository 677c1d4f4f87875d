// Looks into a ledger's folder that no process holds, without running any chaincode.
import { LedgerError } from '../ledger.js';
import type { Block, Config } from './block.js';
import { readBlock, readHead, storeFolder } from './open.js';
import { openLevelStore } from './store.js';

export interface LedgerInspection {
  readonly height: number;
  readonly config: Config;
  block(number: number): Promise<Block>;
  close(): Promise<void>;
}

/** @throws LedgerError LOCKED | NOT_FOUND | CORRUPT | UNAVAILABLE */
export async function inspectLedger(dir: string): Promise<LedgerInspection> {
  const store = await openLevelStore(storeFolder(dir), { createIfMissing: false });
  try {
    const head = await readHead(store);
    if (head === undefined) {
      throw new LedgerError('NOT_FOUND', `there is no ledger in ${dir}`, { dir });
    }
    const { config } = await readBlock(store, 0);
    if (config === null) {
      throw new LedgerError('CORRUPT', 'block 0 is not a genesis block', { block: 0 });
    }
    return {
      height: head.height,
      config,
      block: (number) => readBlock(store, number),
      close: () => store.close(),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
