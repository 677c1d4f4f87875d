// `operations`: the batch entry. One Fabric transaction carries many signed operations; one event carries every receipt.

import { z } from 'zod';
import {
  ARGUMENTS,
  canonicalise,
  ChaincodeError,
  envelopeSchema,
  type Receipt,
} from '../model/index.js';
import { applyBatch } from '../operations/index.js';
import type { SignaturesAhead, SignatureVerifier } from '../signatures/index.js';
import { batchContext, RecordsContext, type ChaincodeEnvironment } from './environment.js';
import { Contract, Returns, Transaction } from '../fabric/index.js';

export const MAX_BATCH_OPERATIONS = 1000;
export const MAX_BATCH_BYTES = 1024 * 1024;
/** Name of the event whose payload is a transaction's receipts, one a line. */
export const RECEIPTS_EVENT = 'receipts';

export class OperationsContract extends Contract {
  constructor(
    private readonly environment: ChaincodeEnvironment,
    private readonly verifier: SignatureVerifier,
    private readonly ahead?: SignaturesAhead,
  ) {
    super('operations');
  }

  override createContext(): RecordsContext {
    return new RecordsContext();
  }

  /**
   * Applies signed operations, one a line (`{"operation":{…},"signature":"…"}`), and answers with their receipts, one a line, in the
   * same order: so that a ledger that hashes line by line can show one receipt without the others.
   * A refused operation leaves no write and does not disturb the others.
   */
  @Transaction()
  @Returns('string')
  async apply(context: RecordsContext, lines: string): Promise<string> {
    if (Buffer.byteLength(lines, 'utf8') > MAX_BATCH_BYTES)
      throw new ChaincodeError('BATCH_TOO_LARGE', `a batch holds at most ${MAX_BATCH_BYTES} bytes`);
    const operations = lines.split('\n').filter((line) => line !== '');
    if (operations.length > MAX_BATCH_OPERATIONS) {
      throw new ChaincodeError(
        'BATCH_TOO_LARGE',
        `a batch holds at most ${MAX_BATCH_OPERATIONS} operations`,
      );
    }
    const batch = await batchContext(context, this.environment, this.verifier, this.ahead);
    const receipts = await applyBatch(operations, batch);
    await batch.world.flush();
    return answer(context, receipts);
  }

  /** JSON Schemas of the envelope and of every type's arguments: what an operation may look like. */
  @Transaction(false)
  @Returns('string')
  schemas(_context: RecordsContext): string {
    const args = Object.fromEntries(
      Object.entries(ARGUMENTS).map(([type, schema]) => [type, z.toJSONSchema(schema)]),
    );
    return JSON.stringify({ envelope: z.toJSONSchema(envelopeSchema), arguments: args });
  }
}

/** Sets the transaction's one event and returns the same bytes. */
export function answer(context: RecordsContext, receipts: readonly Receipt[]): string {
  const text = receipts.map(canonicalise).join('\n');
  context.stub.setEvent(RECEIPTS_EVENT, Buffer.from(text, 'utf8'));
  return text;
}
