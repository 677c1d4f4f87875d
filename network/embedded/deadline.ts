// A bound on how long a caller waits. The work itself goes on: what was ordered can't be called back.
import { LedgerError } from '../ledger.js';

/**
 * @param onLate called when the time is over, before the caller is told
 * @throws LedgerError TIMEOUT when `work` has not ended in time
 */
export async function withDeadline<T>(
  work: Promise<T>,
  deadlineMs: number,
  transactionId: string,
  onLate: () => void,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      onLate();
      const message = `no answer in ${deadlineMs} ms: the transaction may or may not commit`;
      reject(new LedgerError('TIMEOUT', message, { transactionId }));
    }, deadlineMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
