// What the kit's files share.

import type { Genesis } from '../model/index.js';

export type { ArgumentsOf, Genesis, OperationType, Receipt, RefusalCode } from '../model/index.js';

const HOUR_MS = 60 * 60 * 1000;

export function genesisOf(hospitals: readonly string[]): Genesis {
  return {
    channel: 'records',
    hospitals,
    recoveryNoticeMs: 2 * HOUR_MS,
    emergencyWindowMs: HOUR_MS,
  };
}
