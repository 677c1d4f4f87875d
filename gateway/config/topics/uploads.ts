// Settings of what comes in: reports, covers, forms.
import { MiB, integer, number } from '../kinds.js';
import type { Setting } from '../kinds.js';

export const uploads = {
  maxReportBytes: integer(
    'PRMS_MAX_REPORT_BYTES',
    64 * MiB,
    [1024, 4096 * MiB],
    'bytes',
    'Largest report accepted.',
  ),
  stegoLimitBytes: integer(
    'PRMS_STEGO_LIMIT_BYTES',
    16 * MiB,
    [0, 16 * MiB],
    'bytes',
    'Reports above this are stored encrypted only, and labelled so.',
  ),
  maxCoverBytes: integer(
    'PRMS_MAX_COVER_BYTES',
    32 * MiB,
    [1024, 256 * MiB],
    'bytes',
    'Largest cover image accepted.',
  ),
  maxUploadFiles: integer(
    'PRMS_MAX_UPLOAD_FILES',
    20,
    [1, 200],
    'files',
    'Files in one multipart upload.',
  ),
  maxExportsAtOnce: integer(
    'PRMS_MAX_EXPORTS_AT_ONCE',
    4,
    [1, 100],
    'exports',
    'Records exported at one time; beyond that the answer is BUSY.',
  ),
  maxUploadsAtOnce: integer(
    'PRMS_MAX_UPLOADS_AT_ONCE',
    4,
    [1, 100],
    'uploads',
    'Uploads handled at one time; beyond that the answer is BUSY.',
  ),
  maxBitsPerSample: number(
    'PRMS_MAX_BITS_PER_SAMPLE',
    0.2,
    [0.001, 1],
    'bit/sample',
    'Payload rate that hiding may not exceed.',
  ),
  preparedReports: integer(
    'PRMS_PREPARED_REPORTS',
    16,
    [1, 1000],
    'reports',
    'Reports that an account which keeps its own keys may have prepared and not yet anchored.',
  ),
  maxFieldBytes: integer(
    'PRMS_MAX_FIELD_BYTES',
    16_384,
    [1024, 1_048_576],
    'bytes',
    'Largest text field of a multipart form.',
  ),
  coversPerAccount: integer(
    'PRMS_COVERS_PER_ACCOUNT',
    200,
    [1, 10_000],
    'covers',
    'Covers that may wait for one account.',
  ),
  coverBytesPerAccount: integer(
    'PRMS_COVER_BYTES_PER_ACCOUNT',
    268_435_456,
    [1024, 17_179_869_184],
    'bytes',
    'Bytes of all covers that may wait for one account.',
  ),
} as const satisfies Record<string, Setting>;
