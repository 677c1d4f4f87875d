// The words that consents, kin links and reports are made of, and their shapes: shared by operations' arguments and by
// documents on the ledger.

import { z } from 'zod';
import {
  digestSchema,
  instantSchema,
  monthSchema,
  operationIdSchema,
  publicKeySchema,
  tagSchema,
  userIdSchema,
} from './ids.js';

/** `service`: a hospital's own system, a laboratory's or an image archive's, that sends reports with nobody logged in. */
export const ROLES = ['hospital', 'doctor', 'patient', 'relative', 'auditor', 'service'] as const;
export type Role = (typeof ROLES)[number];

/** What a grantee may do with a report, or (upload) with a record. */
export const ACTIONS = ['view', 'download', 'share', 'upload'] as const;
export const actionSchema = z.enum(ACTIONS);
export type Action = (typeof ACTIONS)[number];
/** What a request to read may ask for: uploading has its own operations. */
export const readActionSchema = actionSchema.refine(
  (action) => action !== 'upload',
  'uploading is not reading',
);

/** Purposes of use, a subset of HL7's PurposeOfUse in plain words. */
export const PURPOSES = [
  'treatment',
  'payment',
  'operations',
  'research',
  'public-health',
  'family',
  'legal',
  'emergency',
] as const;
export const purposeSchema = z.enum(PURPOSES);
export type Purpose = (typeof PURPOSES)[number];

/** `view`: sees the list, and what consents allow; `keep`: uploads; `consent`: grants on behalf; `guardian`: acts as the patient. */
export const KIN_RIGHTS = ['view', 'keep', 'consent', 'guardian'] as const;
export const kinRightSchema = z.enum(KIN_RIGHTS);
export type KinRight = (typeof KIN_RIGHTS)[number];

const distinct = <T extends z.ZodType>(item: T, max: number, min = 1) =>
  z
    .array(item)
    .min(min)
    .max(max)
    .refine((list) => new Set(list).size === list.length, 'entries must differ');

export const actionsSchema = distinct(actionSchema, ACTIONS.length);
export const purposesSchema = distinct(purposeSchema, PURPOSES.length);
export const rightsSchema = distinct(kinRightSchema, KIN_RIGHTS.length);

/** `full`: every report, present and future; `partial`: those that pass every filter given; `selective`: those named. */
export const scopeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('full') }),
  z
    .strictObject({
      kind: z.literal('partial'),
      tags: distinct(tagSchema, 32).optional(),
      fromMonth: monthSchema.optional(),
      toMonth: monthSchema.optional(),
      authors: distinct(userIdSchema, 32).optional(),
    })
    .refine(
      (s) => s.tags ?? s.fromMonth ?? s.toMonth ?? s.authors,
      'a partial scope needs a filter: without one it would be full',
    ),
  z.strictObject({ kind: z.literal('selective'), reports: distinct(operationIdSchema, 64) }),
]);
export type Scope = z.infer<typeof scopeSchema>;

/** Everything of a consent that its patient decides. */
export const consentTermsSchema = z
  .strictObject({
    effect: z.enum(['permit', 'deny']),
    grantee: z.strictObject({ kind: z.enum(['user', 'hospital']), id: userIdSchema }),
    scope: scopeSchema,
    actions: actionsSchema,
    purposes: purposesSchema,
    notBefore: instantSchema.optional(),
    notAfter: instantSchema.optional(),
  })
  .refine(
    (t) => t.notBefore === undefined || t.notAfter === undefined || t.notBefore < t.notAfter,
    'the window is empty',
  );
export type ConsentTerms = z.infer<typeof consentTermsSchema>;

const cloudNameSchema = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/);

/** One stored object: where it lies and what it must hash to. */
export const objectSchema = z
  .strictObject({
    cloud: cloudNameSchema,
    /** Further clouds that hold the same object under the same name. */
    also: z.array(cloudNameSchema).min(1).max(3).optional(),
    /** A random name: it says nothing. */
    object: z.string().regex(/^[A-Za-z0-9_-]{22,64}$/),
    sha256: digestSchema,
  })
  .refine(
    ({ cloud, also = [] }) => new Set([cloud, ...also]).size === also.length + 1,
    'a cloud is named twice',
  );
export type StoredObject = z.infer<typeof objectSchema>;

/** Everything of a report that goes on the ledger: nothing here says what it is about. */
export const reportTermsSchema = z.strictObject({
  /** `stego`: hidden in images; `encrypted`: ciphertext in chunks, for reports too large to hide. */
  storage: z.enum(['stego', 'encrypted']),
  suite: z.enum(['A256GCM', 'A128GCM']),
  parts: z.array(objectSchema).min(1).max(64),
  /** The encrypted title, file name and media type. */
  label: objectSchema,
  /** HMAC-SHA-256 under a key derived from the data key, over report id and SHA-256 of the plaintext. */
  commitment: digestSchema,
  tag: tagSchema,
  month: monthSchema,
  /** The patient's vault epoch for which the data key was wrapped. */
  epoch: z.int().min(1),
});
export type ReportTerms = z.infer<typeof reportTermsSchema>;

/** A pair of public keys: one checks signatures, the other receives wrapped keys. */
export const keysSchema = z.strictObject({ sign: publicKeySchema, seal: publicKeySchema });
export type PublicKeys = z.infer<typeof keysSchema>;

export const epochSchema = z.strictObject({ number: z.int().min(1), key: publicKeySchema });
export type Epoch = z.infer<typeof epochSchema>;
