// `ledger`: the genesis document, written once.

import { z } from 'zod';
import { canonicalise, ChaincodeError, userIdSchema, type Genesis } from '../model/index.js';
import { keys, World } from '../state/index.js';
import { RecordsContext, refuseSkew, type ChaincodeEnvironment } from './environment.js';
import { Contract, Returns, Transaction } from '../fabric/index.js';

const DAY_MS = 24 * 60 * 60 * 1000;

/** What `ledger:init` takes, as JSON. */
export const genesisSchema = z.strictObject({
  hospitals: z
    .array(userIdSchema)
    .min(1)
    .max(64)
    // One that stood here twice could never find the majority that a vote needs.
    .refine((list) => new Set(list).size === list.length, 'hospitals must differ'),
  recoveryNoticeMs: z
    .int()
    .min(1000)
    .max(90 * DAY_MS)
    .default(7 * DAY_MS),
  emergencyWindowMs: z
    .int()
    .min(1000)
    .max(DAY_MS)
    .default(60 * 60 * 1000),
});

export class LedgerContract extends Contract {
  constructor(private readonly environment: ChaincodeEnvironment) {
    super('ledger');
  }

  override createContext(): RecordsContext {
    return new RecordsContext();
  }

  /** Writes the genesis document: whose hospitals need no vote, and the consortium's periods. Once only. */
  @Transaction()
  @Returns('string')
  async init(context: RecordsContext, genesis: string): Promise<string> {
    refuseSkew(context, this.environment);
    const world = new World(context.stub);
    if (await world.get(keys.genesis))
      throw new ChaincodeError(
        'ALREADY_INITIALISED',
        'this ledger has its genesis document already',
      );
    const read = genesisSchema.safeParse(parse(genesis));
    if (!read.success)
      throw new ChaincodeError(
        'BAD_ARGUMENTS',
        `the genesis document does not fit: ${z.prettifyError(read.error)}`,
      );
    const document: Genesis = { channel: context.stub.getChannelID(), ...read.data };
    world.put(keys.genesis, document);
    world.put(keys.consortium, { hospitals: document.hospitals });
    world.keep();
    await world.flush();
    return canonicalise(document);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ChaincodeError('BAD_ARGUMENTS', 'the genesis document is not JSON');
  }
}
