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
 * Reads receipts, one JSON document a line.
 * @throws LedgerError CHAINCODE_FAILED when it is something else
 */
export function parseReceipts(bytes: Uint8Array): Receipt[] {
  const text = Buffer.from(bytes).toString('utf8');
  return text === '' ? [] : text.split('\n').map(parseReceipt);
}

function parseReceipt(line: string): Receipt {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new LedgerError('CHAINCODE_FAILED', 'a receipt is not JSON', {}, { cause: error });
  }
  if (isReceipt(parsed)) return parsed;
  throw new LedgerError(
    'CHAINCODE_FAILED',
    'the chaincode answered with something else than receipts',
  );
}

function isReceipt(value: unknown): value is Receipt {
  if (typeof value !== 'object' || value === null) return false;
  if (!('id' in value && 'status' in value) || typeof value.id !== 'string') return false;
  if ('code' in value && typeof value.code !== 'string') return false;
  return value.status === 'applied' || value.status === 'refused';
}
