// What the answers look like: the ledger's documents and receipts as zod schemas, for the OpenAPI document.

import {
  consentTermsSchema,
  kidSchema,
  keysSchema,
  kinRightSchema,
  operationIdSchema,
  REFUSALS,
  MAX_PAGE_ITEMS,
  ROLES,
  userIdSchema,
  actionSchema,
  purposeSchema,
  versionSchema,
  type RefusalCode,
} from '@prms/chaincode/model';
import { z } from 'zod';

const refusalSchema = z.enum(Object.keys(REFUSALS) as [RefusalCode, ...RefusalCode[]]);

/** What the ledger decided on a request to read. */
export const outcomeSchema = z.discriminatedUnion('decision', [
  z.object({
    decision: z.literal('permit'),
    basis: z.enum(['self', 'consent', 'guardian', 'emergency']),
    by: operationIdSchema.optional(),
  }),
  z.object({
    decision: z.literal('refuse'),
    code: refusalSchema,
    by: operationIdSchema.optional(),
  }),
]);

/** The receipt of an operation that was applied; a refused one is a REFUSED problem. */
export const receiptSchema = z.object({
  id: operationIdSchema,
  status: z.literal('applied'),
  version: z.int(),
  outcome: outcomeSchema.optional(),
});
export const changedSchema = z.object({ receipt: receiptSchema });
export const createdSchema = z.object({ receipt: receiptSchema, id: operationIdSchema });

const marks = {
  version: versionSchema,
  created: z.string(),
  last: z.object({ id: operationIdSchema, hash: z.string(), at: z.int() }),
};

export const profileSchema = z.object({
  name: z.string().min(1).max(120),
  speciality: z.string().min(1).max(60).optional(),
  place: z.string().min(1).max(120).optional(),
});

/** What everybody may know of a user. */
export const publicUserSchema = z.object({
  id: userIdSchema,
  role: z.enum(ROLES),
  kid: kidSchema,
  keys: keysSchema,
  profile: profileSchema.optional(),
  admitted: z.boolean().optional(),
});

/** A picture that hides a report, or a part of one, as it was stored. */
export const storedImageSchema = z.object({
  cloud: z.string(),
  object: z.string(),
  width: z.int(),
  height: z.int(),
  psnrDb: z.number(),
  synthesised: z.boolean(),
});

export const consentSchema = z.object({
  ...marks,
  id: operationIdSchema,
  status: z.enum(['active', 'revoked']),
  terms: consentTermsSchema,
  by: userIdSchema,
});
export const kinLinkSchema = z.object({
  ...marks,
  id: operationIdSchema,
  status: z.enum(['active', 'ended']),
  relative: userIdSchema,
  rights: z.array(kinRightSchema).readonly(),
  notAfter: z.int().optional(),
});
export const careSchema = z.object({
  ...marks,
  id: operationIdSchema,
  status: z.enum(['requested', 'approved', 'refused', 'ended']),
  doctor: userIdSchema,
  hospital: userIdSchema,
});

/** An access as the patient, or the hospital in an emergency, sees it. */
export const accessSchema = z.object({
  ...marks,
  id: operationIdSchema,
  kind: z.enum(['read', 'emergency']),
  patient: userIdSchema,
  actor: userIdSchema,
  actingFor: userIdSchema.optional(),
  issuedAt: z.int(),
  outcome: outcomeSchema,
  report: operationIdSchema.optional(),
  action: actionSchema.optional(),
  purpose: purposeSchema.optional(),
  emergency: operationIdSchema.optional(),
  reason: z.string().optional(),
  endsAt: z.int().optional(),
  review: z
    .object({
      by: userIdSchema,
      verdict: z.enum(['justified', 'unjustified']),
      note: z.string().optional(),
      at: z.int(),
    })
    .optional(),
  objection: z.object({ note: z.string().optional(), at: z.int() }).optional(),
  anchoredLate: z.literal(true).optional(),
  damaged: z.literal(true).optional(),
  /** Used when the rule would not permit it any more, and given nothing from then on: why, and when. */
  ended: z.object({ code: z.string(), at: z.int() }).optional(),
});

/** The same with what people wrote of it. */
export const toldAccessSchema = accessSchema.extend({
  reasonText: z.string().optional(),
  reviewNote: z.string().optional(),
  objectionNote: z.string().optional(),
});

export const labelSchema = z.object({
  title: z.string(),
  fileName: z.string(),
  mediaType: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  category: z.string(),
});

export const listedReportSchema = z.object({
  id: operationIdSchema,
  author: userIdSchema,
  actingFor: userIdSchema.optional(),
  month: z.string(),
  anchoredAt: z.int(),
  status: z.enum(['active', 'superseded', 'withdrawn', 'erased']),
  storage: z.enum(['stego', 'encrypted']),
  parts: z.int(),
  version: versionSchema,
  supersedes: operationIdSchema.optional(),
  supersededBy: operationIdSchema.optional(),
  allowed: outcomeSchema,
  label: labelSchema.optional(),
  /** Copies in the clouds that were missing or bad, and have been made good from another one. */
  healed: z
    .array(
      z.object({
        cloud: z.string(),
        fault: z.enum(['missing', 'bad', 'unanswered']),
        foundAt: z.int(),
        healedAt: z.int(),
        times: z.int(),
      }),
    )
    .optional(),
});

export const page = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), bookmark: z.string() });

/** `?limit=&bookmark=` of every list. Without a limit a page is as long as the settings say. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_ITEMS).optional(),
  bookmark: z.string().max(500).default(''),
});

export const patientParams = z.object({ patient: userIdSchema });
export const patientItemParams = z.object({ patient: userIdSchema, id: operationIdSchema });
export const replacesBody = z.strictObject({ replaces: versionSchema });
