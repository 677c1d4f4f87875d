// What a chaincode answers for each operation of a batch.
import { LedgerError } from '../ledger.js';

/** One operation's outcome. Fields that this package does not know pass through untouched. */
export interface Receipt {
  readonly id: string;
  readonly status: 'applied' | 'refused';
  /** Why it was refused. */
  readonly code?: string;
  readonly [field: string]: unknown;
}

/**
 * Reads a JSON array of receipts.
 * @throws LedgerError CHAINCODE_FAILED when it is something else
 */
export function parseReceipts(bytes: Uint8Array): Receipt[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new LedgerError('CHAINCODE_FAILED', 'the receipts are not JSON', {}, { cause: error });
  }
  if (!Array.isArray(parsed) || !parsed.every(isReceipt)) {
    throw new LedgerError(
      'CHAINCODE_FAILED',
      'the chaincode answered with something else than receipts',
    );
  }
  return parsed;
}

function isReceipt(value: unknown): value is Receipt {
  if (typeof value !== 'object' || value === null) return false;
  if (!('id' in value && 'status' in value) || typeof value.id !== 'string') return false;
  if ('code' in value && typeof value.code !== 'string') return false;
  return value.status === 'applied' || value.status === 'refused';
}
