// The forms of a record's files: what the ledger's documents look like, and what a gateway may have added to them. Nothing
// else may stand in one.
import {
  actionSchema,
  consentTermsSchema,
  digestSchema,
  epochSchema,
  instantSchema,
  keysSchema,
  kidSchema,
  operationIdSchema,
  purposeSchema,
  REFUSALS,
  reportTermsSchema,
  rightsSchema,
  userIdSchema,
  versionSchema,
  type RefusalCode,
} from '@prms/chaincode';
import { z } from 'zod';
import { detailsSchema } from '../services/patient-files.js';
import { NotProven } from './findings.js';

const codes = Object.keys(REFUSALS) as [RefusalCode, ...RefusalCode[]];
export const refusalSchema = z.enum(codes);

/** What was decided on a request to read, and why. */
export const outcomeSchema = z.discriminatedUnion('decision', [
  z.strictObject({
    decision: z.literal('permit'),
    basis: z.enum(['self', 'consent', 'guardian', 'emergency']),
    by: operationIdSchema.exactOptional(),
  }),
  z.strictObject({
    decision: z.literal('refuse'),
    code: refusalSchema,
    by: operationIdSchema.exactOptional(),
  }),
]);

const marks = {
  version: versionSchema,
  created: digestSchema,
  last: z.strictObject({ id: operationIdSchema, hash: digestSchema, at: instantSchema }),
};
const named = { ...marks, id: operationIdSchema };
const entry = { ...named, until: instantSchema };
const ofPatient = { ...named, patient: userIdSchema };

const recoverySchema = z.strictObject({
  id: operationIdSchema,
  created: digestSchema,
  last: digestSchema,
  status: z.enum(['proposed', 'seconded', 'objected', 'completed']),
  keys: keysSchema,
  proposer: userIdSchema,
  seconder: userIdSchema.optional(),
  secondedAt: instantSchema.optional(),
});

export const patientSchema = z.strictObject({
  ...marks,
  id: userIdSchema,
  role: z.literal('patient'),
  keys: keysSchema,
  kid: kidSchema,
  registeredAt: instantSchema,
  recovery: recoverySchema.optional(),
  epoch: epochSchema,
  escrow: userIdSchema.nullable(),
  details: detailsSchema.optional(),
});

export const consentSchema = z.strictObject({
  ...entry,
  status: z.enum(['active', 'revoked']),
  terms: consentTermsSchema,
  by: userIdSchema,
});

export const kinSchema = z.strictObject({
  ...entry,
  status: z.enum(['active', 'ended']),
  relative: userIdSchema,
  rights: rightsSchema,
  notAfter: instantSchema.optional(),
  by: userIdSchema,
});

export const careSchema = z.strictObject({
  ...entry,
  status: z.enum(['requested', 'approved', 'refused', 'ended']),
  doctor: userIdSchema,
  hospital: userIdSchema,
});

export const reportSchema = z.strictObject({
  ...ofPatient,
  author: userIdSchema,
  actingFor: userIdSchema.optional(),
  anchoredAt: instantSchema,
  status: z.enum(['active', 'superseded', 'withdrawn', 'erased']),
  terms: reportTermsSchema,
  supersedes: operationIdSchema.optional(),
  supersededBy: operationIdSchema.optional(),
});

export const accessSchema = z.strictObject({
  ...ofPatient,
  kind: z.enum(['read', 'emergency']),
  actor: userIdSchema,
  actingFor: userIdSchema.optional(),
  issuedAt: instantSchema,
  outcome: outcomeSchema,
  report: operationIdSchema.optional(),
  action: actionSchema.optional(),
  purpose: purposeSchema.optional(),
  emergency: operationIdSchema.optional(),
  reason: digestSchema.optional(),
  endsAt: instantSchema.optional(),
  review: z
    .strictObject({
      by: userIdSchema,
      verdict: z.enum(['justified', 'unjustified']),
      note: digestSchema.optional(),
      at: instantSchema,
    })
    .optional(),
  objection: z.strictObject({ note: digestSchema.optional(), at: instantSchema }).optional(),
  anchoredLate: z.literal(true).optional(),
  damaged: z.literal(true).optional(),
  reasonText: z.string().optional(),
  reviewNote: z.string().optional(),
  objectionNote: z.string().optional(),
});

export const appointmentSchema = z.strictObject({
  ...ofPatient,
  doctor: userIdSchema,
  hospital: userIdSchema,
  offer: operationIdSchema,
  slot: operationIdSchema,
  status: z.enum(['booked', 'cancelled']),
  startsAt: instantSchema.optional(),
  minutes: z.int().min(1).optional(),
});

export const consultationSchema = z.strictObject({
  ...ofPatient,
  doctor: userIdSchema,
  hospital: userIdSchema,
  status: z.enum(['open', 'closed']),
  openedAt: instantSchema,
  count: z.int().min(0),
  head: digestSchema.optional(),
});

/**
 * Reads what a file holds as what it should be.
 * @param what which part of the file it is
 * @throws NotProven naming file, part and field
 */
export function readAs<T>(
  schema: z.ZodType<T>,
  value: unknown,
  { file, what }: { readonly file: string; readonly what: string },
): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new NotProven(file, `${what} does not have its form: ${fieldOf(issue)}`);
}

function fieldOf(issue: z.core.$ZodIssue | undefined): string {
  if (!issue) return 'it can not be read';
  const names = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const path = [...issue.path, ...names].map(String).join('.');
  // Names that are not ours may be anything, of any length.
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
  if (names.length > 0) return `nothing of that kind has a field ${shown}`;
  return path === '' ? issue.message : `field ${shown}: ${issue.message}`;
}
