// What a refused access is called at the HTTP door.

import { REFUSALS, type AccessOutcome, type RefusalCode } from '@prms/chaincode';
import { GatewayError } from '../../errors.js';

export function refused(
  outcome: Extract<AccessOutcome, { decision: 'refuse' }>,
  access: string,
): GatewayError {
  if (outcome.code === 'REPORT_ERASED')
    return new GatewayError('GONE', 'The report has been erased.', {
      reason: outcome.code,
      ids: { access },
    });
  if (outcome.code === 'NOT_FOUND')
    return new GatewayError('NOT_FOUND', 'There is no such report.', {
      reason: outcome.code,
      ids: { access },
    });
  return new GatewayError(
    'REFUSED',
    `The request was refused, and that is recorded. ${REFUSALS[outcome.code]}`,
    {
      reason: outcome.code,
      ids: { access },
    },
  );
}

/** An access that was permitted, and would not be any more. */
export function over(code: RefusalCode, access: string): GatewayError {
  return new GatewayError(
    'REFUSED',
    `The access has ended before its time, and that is recorded. ${REFUSALS[code]}`,
    { reason: code, ids: { access } },
  );
}
