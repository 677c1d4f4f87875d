// Errors of the packages below, in the gateway's words.

import { LedgerError } from '@prms/network';
import { StegoError } from '@prms/stego';
import { GatewayError } from '../errors.js';
import { ledgerTrouble } from '../services/ledger-trouble.js';

/** Pictures that can't be covers are the sender's to change; a full pool passes. */
export function translate(error: unknown): GatewayError | undefined {
  if (error instanceof LedgerError) return ledgerTrouble(error);
  if (isDiskTrouble(error))
    return new GatewayError('STORE_UNAVAILABLE', 'The gateway’s disk is full or failing.', {
      cause: error,
      retry: 'later',
    });
  if (!(error instanceof StegoError)) return undefined;
  switch (error.code) {
    case 'POOL_FULL':
    case 'POOL_CLOSED':
      return new GatewayError('BUSY', 'Too many pictures are being worked on.', {
        cause: error,
      });
    case 'UNSUPPORTED_IMAGE':
    case 'CORRUPT_IMAGE':
      return new GatewayError(
        'UNSUPPORTED_MEDIA',
        'The cover is not a whole PNG, JPEG, WebP or TIFF picture.',
        { cause: error },
      );
    case 'IMAGE_TOO_LARGE':
    case 'PAYLOAD_TOO_LARGE':
      return new GatewayError('TOO_LARGE', 'The picture or report is too large.', { cause: error });
    case 'CAPACITY_EXCEEDED':
    case 'BAD_ARGUMENT':
      return new GatewayError('BAD_REQUEST', 'The covers can’t carry this report.', {
        cause: error,
      });
    default:
      return undefined;
  }
}

/** Files of ours beside the store, and reads of the store itself. */
const isDiskTrouble = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  DISK_TROUBLE.has(error.code);

const DISK_TROUBLE: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'LEVEL_IO_ERROR']);
