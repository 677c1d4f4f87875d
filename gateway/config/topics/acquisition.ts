// Settings of data acquisition: what hospitals' systems send, and the queue in which it waits.
import { MiB, integer } from '../kinds.js';
import type { Setting } from '../kinds.js';

export const acquisition = {
  serviceAccounts: integer(
    'PRMS_SERVICE_ACCOUNTS',
    50,
    [1, 1000],
    'accounts',
    'Service accounts that one hospital may have at a time.',
  ),
  acquisitionDocuments: integer(
    'PRMS_ACQUISITION_DOCUMENTS',
    10_000,
    [1, 1_000_000],
    'documents',
    'Documents from systems that wait, those that failed included; beyond that the answer is BUSY.',
  ),
  acquisitionBytes: integer(
    'PRMS_ACQUISITION_BYTES',
    4096 * MiB,
    [1024, 1_048_576 * MiB],
    'bytes',
    'The same in bytes on disk.',
  ),
  acquisitionReceptions: integer(
    'PRMS_ACQUISITION_RECEPTIONS',
    4,
    [1, 100],
    'requests',
    'Documents that one system may be sending at a time; beyond that the answer is TOO_MANY.',
  ),
  acquisitionAtOnce: integer(
    'PRMS_ACQUISITION_AT_ONCE',
    2,
    [1, 50],
    'documents',
    'Waiting documents that are hidden and anchored at one time.',
  ),
  acquisitionPollMs: integer(
    'PRMS_ACQUISITION_POLL_MS',
    1000,
    [5, 60_000],
    'ms',
    'How often the queue looks for documents whose time has come.',
  ),
  acquisitionBackoffMs: integer(
    'PRMS_ACQUISITION_BACKOFF_MS',
    2000,
    [1, 600_000],
    'ms',
    'Wait before a document is tried a second time; doubles each time.',
  ),
  acquisitionRetryHours: integer(
    'PRMS_ACQUISITION_RETRY_HOURS',
    72,
    [1, 720],
    'h',
    'How long a document is tried while cloud or ledger are away, before it counts as failed.',
  ),
  acquisitionKeepDays: integer(
    'PRMS_ACQUISITION_KEEP_DAYS',
    30,
    [1, 365],
    'days',
    'How long a document’s fate can be asked for, and a failed one be tried again; then it is forgotten.',
  ),
  fhirMaxBytes: integer(
    'PRMS_FHIR_MAX_BYTES',
    8 * MiB,
    [1024, 64 * MiB],
    'bytes',
    'Largest FHIR resource in JSON; larger documents come as a Binary of their own.',
  ),
  fhirBinaryHours: integer(
    'PRMS_FHIR_BINARY_HOURS',
    24,
    [1, 168],
    'h',
    'How long a FHIR Binary waits for the DocumentReference that names it.',
  ),
  acquisitionLongestPauseMs: integer(
    'PRMS_ACQUISITION_LONGEST_PAUSE_MS',
    600_000,
    [1, 86_400_000],
    'ms',
    'Longest wait between two attempts of a document.',
  ),
  acquisitionFullRetryMs: integer(
    'PRMS_ACQUISITION_FULL_RETRY_MS',
    10_000,
    [100, 3_600_000],
    'ms',
    'A system that finds the queue full is told to come back after so long.',
  ),
  fhirMaxDepth: integer(
    'PRMS_FHIR_MAX_DEPTH',
    20,
    [8, 100],
    'levels',
    'How deep a FHIR resource may be nested.',
  ),
} as const satisfies Record<string, Setting>;
