// The arguments of every operation type: one schema each, served to the chaincode, the API, its OpenAPI document and
// the web client alike. What an operation does with them stands in operations/.

import { z } from 'zod';
import {
  digestSchema,
  instantSchema,
  operationIdSchema,
  publicKeySchema,
  signatureSchema,
  userIdSchema,
  versionSchema,
} from './ids.js';
import {
  consentTermsSchema,
  epochSchema,
  keysSchema,
  purposeSchema,
  readActionSchema,
  reportTermsSchema,
  rightsSchema,
} from './vocabulary.js';

/** Names that professionals and hospitals publish. Patients and relatives have none on the ledger. */
const publicProfileSchema = z.strictObject({
  name: z.string().min(1).max(120),
  speciality: z.string().min(1).max(60).optional(),
  place: z.string().min(1).max(120).optional(),
});
export type PublicProfile = z.infer<typeof publicProfileSchema>;

const slotSchema = z.strictObject({
  /** Random; the time stays at the gateway. */
  id: operationIdSchema,
  /** SHA-256 over the slot's time and a salt: proves later what was booked. */
  commitment: digestSchema,
});

/** The mark of the vault as the signer saw it (`vaultMark`): held against the present one when it is named. */
const seen = { vault: digestSchema.optional() };
const patient = { patient: userIdSchema };
/** What names a document and the version of it that is changed. */
const change = { id: operationIdSchema, replaces: versionSchema };

export const ARGUMENTS = {
  'hospital:register': z.strictObject({ keys: keysSchema, profile: publicProfileSchema }),
  'hospital:vote': z.strictObject({ candidate: userIdSchema }),
  'user:register': z.discriminatedUnion('role', [
    z.strictObject({ role: z.literal('doctor'), keys: keysSchema, profile: publicProfileSchema }),
    z.strictObject({
      role: z.literal('patient'),
      keys: keysSchema,
      epoch: z.strictObject({ number: z.literal(1), key: publicKeySchema }),
      /** The hospital that may open the record in an emergency; null opts out. */
      escrow: userIdSchema.nullable(),
    }),
    z.strictObject({ role: z.literal('relative'), keys: keysSchema }),
    z.strictObject({ role: z.literal('auditor'), keys: keysSchema, profile: publicProfileSchema }),
  ]),
  'user:escrow': z.strictObject({
    escrow: userIdSchema.nullable(),
    replaces: versionSchema,
    epoch: epochSchema.optional(),
    ...seen,
  }),
  /** `proof`: the new key's signature over "PRMS-key-v1\0" ‖ user id ‖ "\0" ‖ operation id. */
  'key:rotate': z.strictObject({
    keys: keysSchema,
    proof: signatureSchema,
    replaces: versionSchema,
  }),
  'key:propose': z.strictObject({
    user: userIdSchema,
    keys: keysSchema,
    proof: signatureSchema,
    proofId: operationIdSchema,
  }),
  'key:second': z.strictObject({ user: userIdSchema, proposal: operationIdSchema }),
  'key:object': z.strictObject({ proposal: operationIdSchema }),
  'key:complete': z.strictObject({ user: userIdSchema, proposal: operationIdSchema }),
  'affiliation:request': z.strictObject({ hospital: userIdSchema }),
  'affiliation:authorise': z.strictObject({ doctor: userIdSchema, replaces: versionSchema }),
  'affiliation:refuse': z.strictObject({ doctor: userIdSchema, replaces: versionSchema }),
  'affiliation:suspend': z.strictObject({ doctor: userIdSchema, replaces: versionSchema }),
  'affiliation:leave': z.strictObject({ hospital: userIdSchema, replaces: versionSchema }),
  /** `proof`: the service's key's signature, as for `key:rotate`, over its own id and this operation's. */
  'service:authorise': z.strictObject({
    keys: keysSchema,
    proof: signatureSchema,
    profile: publicProfileSchema,
  }),
  'service:suspend': z.strictObject({ service: userIdSchema, replaces: versionSchema }),
  'care:request': z.strictObject({ doctor: userIdSchema, hospital: userIdSchema }),
  'care:approve': z.strictObject({ ...patient, ...change }),
  'care:refuse': z.strictObject({ ...patient, ...change }),
  'care:end': z.strictObject({ ...patient, ...change }),
  'kin:link': z.strictObject({
    ...patient,
    relative: userIdSchema,
    rights: rightsSchema,
    notAfter: instantSchema.optional(),
    ...seen,
  }),
  'kin:amend': z.strictObject({
    ...patient,
    ...change,
    rights: rightsSchema,
    notAfter: instantSchema.optional(),
    epoch: epochSchema.optional(),
    ...seen,
  }),
  'kin:end': z.strictObject({ ...patient, ...change, epoch: epochSchema.optional(), ...seen }),
  'consent:grant': z.strictObject({ ...patient, terms: consentTermsSchema, ...seen }),
  'consent:amend': z.strictObject({
    ...patient,
    ...change,
    terms: consentTermsSchema,
    epoch: epochSchema.optional(),
    ...seen,
  }),
  'consent:revoke': z.strictObject({
    ...patient,
    ...change,
    epoch: epochSchema.optional(),
    ...seen,
  }),
  'report:anchor': z.strictObject({
    ...patient,
    actingFor: userIdSchema.optional(),
    report: reportTermsSchema,
  }),
  'report:supersede': z.strictObject({
    ...patient,
    ...change,
    actingFor: userIdSchema.optional(),
    report: reportTermsSchema,
  }),
  'report:withdraw': z.strictObject({ ...patient, ...change }),
  'report:erase': z.strictObject({ ...patient, ...change }),
  'appointment:offer': z.strictObject({
    hospital: userIdSchema,
    slots: z.array(slotSchema).min(1).max(64),
  }),
  'appointment:book': z.strictObject({
    ...patient,
    doctor: userIdSchema,
    offer: operationIdSchema,
    slot: operationIdSchema,
  }),
  'appointment:move': z.strictObject({
    ...patient,
    ...change,
    offer: operationIdSchema,
    slot: operationIdSchema,
  }),
  'appointment:cancel': z.strictObject({ ...patient, ...change }),
  'consultation:open': z.strictObject({ ...patient, hospital: userIdSchema }),
  /** `head`: SHA-256 of the message chain after message number `count`. */
  'consultation:message': z.strictObject({
    ...patient,
    ...change,
    count: z.int().min(1),
    head: digestSchema,
  }),
  /** `anchor`: the chain's end, when messages have come since the last anchor; nothing can follow it. */
  'consultation:close': z.strictObject({
    ...patient,
    ...change,
    anchor: z.strictObject({ count: z.int().min(1), head: digestSchema }).optional(),
  }),
  'access:request': z.strictObject({
    ...patient,
    report: operationIdSchema,
    action: readActionSchema,
    purpose: purposeSchema,
    actingFor: userIdSchema.optional(),
    /** The emergency whose window this read relies on. */
    emergency: operationIdSchema.optional(),
  }),
  /** `reason`: SHA-256 of the stated reason with a salt; the text stays at the hospital. */
  'access:emergency': z.strictObject({ ...patient, actingFor: userIdSchema, reason: digestSchema }),
  'access:review': z.strictObject({
    ...patient,
    ...change,
    verdict: z.enum(['justified', 'unjustified']),
    note: digestSchema.optional(),
  }),
  'access:object': z.strictObject({ ...patient, ...change, note: digestSchema.optional() }),
} as const;

export type OperationType = keyof typeof ARGUMENTS;
export type ArgumentsOf<T extends OperationType> = z.infer<(typeof ARGUMENTS)[T]>;
export const OPERATION_TYPES = Object.keys(ARGUMENTS) as OperationType[];

export function isOperationType(type: string): type is OperationType {
  return Object.hasOwn(ARGUMENTS, type);
}
