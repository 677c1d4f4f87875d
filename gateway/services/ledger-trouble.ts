// The ledger's failures in the gateway's words.

import { LedgerError } from '@prms/network';
import { GatewayError } from '../errors.js';

/** What a client is told when the ledger could not be reached. */
export function ledgerTrouble(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  if (!(error instanceof LedgerError))
    return new GatewayError('INTERNAL', 'The ledger failed in an unforeseen way.', {
      cause: error,
    });
  if (error.code === 'CHAINCODE_FAILED' && error.message.startsWith('NOT_FOUND')) {
    return new GatewayError('NOT_FOUND', 'The ledger knows nothing of this id.', { cause: error });
  }
  if (error.code === 'CHAINCODE_FAILED' && error.message.startsWith('BAD_ARGUMENTS')) {
    return new GatewayError('BAD_REQUEST', 'The ledger can’t read this question.', {
      cause: error,
    });
  }
  if (error.code === 'CHAINCODE_FAILED' && error.message.startsWith('NOT_INITIALISED')) {
    return new GatewayError(
      'LEDGER_UNAVAILABLE',
      'The ledger has not been founded: register the first hospital.',
      { cause: error },
    );
  }
  if (error.code === 'UNAVAILABLE')
    return new GatewayError('BUSY', 'The ledger’s queue is full.', {
      cause: error,
    });
  return new GatewayError('LEDGER_UNAVAILABLE', 'The ledger does not answer as it should.', {
    cause: error,
  });
}
