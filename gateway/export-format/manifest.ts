// The manifest: what is in an export, what became of what isn't, and against what it is all checked.
import { createHash } from 'node:crypto';
import {
  digestSchema,
  instantSchema,
  kidSchema,
  monthSchema,
  objectSchema,
  operationIdSchema,
  userIdSchema,
} from '@prms/chaincode/model';
import { z } from 'zod';

/** Counts what a verifier has to know. 2: the evidence begins with how the ledger was founded. */
export const EXPORT_VERSION = 2;
/** What the exporting user's signature covers, then the manifest's bytes. */
export const EXPORT_PREFIX = `PRMS-export-v${EXPORT_VERSION}\0`;

export const FILES = {
  readme: 'README.txt',
  patient: 'record/patient.json',
  consents: 'record/consents.json',
  kin: 'record/kin.json',
  care: 'record/care.json',
  reports: 'record/reports.ndjson',
  accesses: 'record/accesses.ndjson',
  appointments: 'record/appointments.ndjson',
  consultations: 'record/consultations.ndjson',
  chain: 'ledger/chain.bin',
  operations: 'ledger/operations.ndjson',
  manifest: 'manifest.json',
  signature: 'manifest.sig',
} as const;

const hexSchema = z.string().regex(/^[0-9a-f]{64}$/);
const base64url = z.string().regex(/^[A-Za-z0-9_-]*$/);

export const fileSchema = z.strictObject({
  name: z.string().max(240),
  bytes: z.int().min(0),
  /** Hex. */
  sha256: hexSchema,
});
export type ManifestFile = z.infer<typeof fileSchema>;

/**
 * `included`: its bytes are here. Otherwise why not: `withdrawn` by its author (the patient can still export those),
 * `erased`, `damaged` in the cloud, `refused` by the ledger, `unavailable` for the moment.
 */
export const EXPORT_STATES = [
  'included',
  'withdrawn',
  'erased',
  'damaged',
  'refused',
  'unavailable',
] as const;

export const exportedReportSchema = z.strictObject({
  id: operationIdSchema,
  state: z.enum(EXPORT_STATES),
  /** As the ledger has it. */
  status: z.enum(['active', 'superseded', 'withdrawn', 'erased']),
  author: userIdSchema,
  month: monthSchema,
  anchoredAt: instantSchema,
  /** Where its images, or its ciphertext, lay, with their hashes. */
  locators: z.array(objectSchema),
  commitment: digestSchema,
  /** The access under which it was read for this export. */
  access: operationIdSchema.optional(),
  /** Of what is included. */
  content: z
    .strictObject({
      file: z.string(),
      title: z.string(),
      fileName: z.string(),
      mediaType: z.string(),
      category: z.string(),
      bytes: z.int().min(0),
      sha256: hexSchema,
      /** HMAC key that opens the commitment and nothing else: derived from the data key, one way. */
      commitmentKey: digestSchema,
    })
    .optional(),
  /** In a sealed export, instead: the files that hold what lies in the cloud, and the wraps on the way to its key. */
  sealed: z
    .strictObject({ parts: z.array(z.string()).min(1), label: z.string(), wraps: z.string() })
    .optional(),
});
export type ExportedReport = z.infer<typeof exportedReportSchema>;

export const manifestSchema = z.strictObject({
  kind: z.literal('PRMS-export'),
  v: z.literal(EXPORT_VERSION),
  /** Why the reports are not in clear: the exporter's keys are where no gateway sees them, or they wanted it so. */
  sealed: z.strictObject({ reason: z.enum(['KEYS_ELSEWHERE', 'ASKED_FOR']) }).optional(),
  ledger: z.string(),
  patient: userIdSchema,
  /** Who exported, and with which key they signed. */
  by: userIdSchema,
  kid: kidSchema,
  at: instantSchema,
  chain: z.strictObject({
    kind: z.literal('embedded'),
    genesis: base64url,
    height: z.int().min(1),
    headHash: hexSchema,
    headSignature: base64url,
  }),
  /** Every file but this one and its signature (which the exporter adds, where they keep their keys), in the order of the archive. */
  files: z.array(fileSchema),
  /** Every report that the gateway knew of. */
  reports: z.array(exportedReportSchema),
});
export type Manifest = z.infer<typeof manifestSchema>;

// --- the way to a sealed report's key, as it stands in its file

export const sealedWrapSchema = z.strictObject({
  purpose: z.enum(['epoch', 'report']),
  subject: z.string().regex(/^[A-Za-z0-9_.-]{1,128}$/),
  recipient: userIdSchema,
  kid: kidSchema,
  /** HPKE of 32 bytes. */
  wrap: z.string().regex(/^[A-Za-z0-9_-]{152}$/),
});

/** In the order in which they are opened: each opens the next, the last one holds the report's data key. */
export const sealedWrapsSchema = z.strictObject({
  report: operationIdSchema,
  wraps: z.array(sealedWrapSchema).min(2),
});
export type SealedWraps = z.infer<typeof sealedWrapsSchema>;

// --- evidence, as it stands in `ledger/operations.ndjson`, one transaction a line

const hashSchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const pathSchema = z.array(hashSchema).max(32);
const placeSchema = z.strictObject({
  index: z.int().min(0),
  count: z.int().min(1),
  path: pathSchema,
});

export const transactionProofSchema = z.strictObject({
  kind: z.literal('embedded'),
  transactionId: hexSchema,
  block: z.int().min(0),
  place: placeSchema,
  head: base64url,
  args: z.array(hashSchema).max(8),
  response: hashSchema,
  rest: hashSchema,
  lines: z.array(
    z.strictObject({
      line: z.string(),
      place: placeSchema,
      answer: z.strictObject({ line: z.string(), path: pathSchema }).optional(),
    }),
  ),
});

/** What is signed: the prefix, then the manifest as it stands in its file. */
export function exportText(manifest: string): string {
  return EXPORT_PREFIX + manifest;
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
