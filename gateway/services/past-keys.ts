// Every key that somebody has had: what was wrapped for an earlier one must go as well.

import type { User } from '@prms/chaincode';
import type { Records } from './records.js';
import { recipientOf, type Recipient } from './vaults.js';

/** The present key first. */
export async function everyKeyOf(records: Records, id: string): Promise<readonly Recipient[]> {
  const recipients = new Map<string, Recipient>();
  for await (const { document } of records.all((page) => records.history('user', id, '', page))) {
    // The chaincode's own documents, as they were.
    const recipient = recipientOf(document as User);
    recipients.set(recipient.sealKey, recipient);
  }
  return [...recipients.values()];
}
