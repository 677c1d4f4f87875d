// Every key that somebody has had: what was wrapped for an earlier one must go as well.

import type { User } from '@prms/chaincode';
import type { Records } from './records.js';
import { recipientOf, type Recipient } from './vaults.js';

/** The present key first. */
export async function everyKeyOf(records: Records, id: string): Promise<readonly Recipient[]> {
  const states = await records.history('user', id, '');
  // The chaincode's own documents, as they were.
  const recipients = states.map(({ document }) => recipientOf(document as User));
  return [...new Map(recipients.map((recipient) => [recipient.sealKey, recipient])).values()];
}
