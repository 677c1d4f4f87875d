// What somebody needs to know to build and sign operations without us: names, limits, and the schema of every type, made
// from the very schemas that the ledger reads with.

import {
  ARGUMENTS,
  envelopeSchema,
  lifeMsOf,
  MAX_LIFE_MS,
  MAX_OPERATION_BYTES,
  MAX_SKEW_MS,
  OPERATION_TYPES,
  SHORT_LIFE_MS,
  SIGNING_PREFIX,
} from '@prms/chaincode';
import { DEFAULT_CHUNK_BYTES, MAX_PARTS } from '@prms/stego';
import { z } from 'zod';
import type { Config } from '../../config/index.js';

export const publishedSchema = z.object({
  /** The channel's name: every operation carries it. */
  ledger: z.string(),
  /** This gateway's clock, milliseconds since the epoch. */
  now: z.int(),
  signing: z.object({
    prefix: z.string(),
    loginPrefix: z.string(),
    algorithm: z.string(),
    line: z.string(),
  }),
  canonical: z.array(z.string()),
  limits: z.record(z.string(), z.int()),
  /** The longest life of each type, milliseconds; whatever a relative signs lives no longer than `shortLifeMs`. */
  livesMs: z.record(z.string(), z.int()),
  /** JSON Schema 2020-12 of the envelope. */
  envelope: z.record(z.string(), z.unknown()),
  /** JSON Schema 2020-12 of each type's `args`. */
  args: z.record(z.string(), z.record(z.string(), z.unknown())),
});
export type Published = z.infer<typeof publishedSchema>;

/** Before the text that proves a key at log-in; see `KeyLogins`. */
export const LOGIN_PREFIX = 'PRMS-login-v1\0';

const CANONICAL = [
  'JSON after RFC 8785, in UTF-8',
  'numbers are integers of absolute value at most 2^53 - 1, without fraction, exponent or -0',
  'strings are well-formed Unicode, escaped as ECMAScript’s JSON.stringify does',
  'members are sorted by UTF-16 code units, none twice, none named __proto__; no white space',
  'at most 64 arrays and objects inside one another',
];

const jsonSchema = (schema: z.ZodType): Record<string, unknown> => ({ ...z.toJSONSchema(schema) });

/** The part that never changes. */
const FIXED = {
  signing: {
    prefix: SIGNING_PREFIX,
    loginPrefix: LOGIN_PREFIX,
    algorithm: 'ECDSA P-256 with SHA-256; r || s, 64 bytes, low-S, base64url without padding',
    line: '{"operation":…,"signature":"…"}',
  },
  canonical: CANONICAL,
  livesMs: Object.fromEntries(OPERATION_TYPES.map((type) => [type, lifeMsOf(type, {})])),
  envelope: jsonSchema(envelopeSchema),
  args: Object.fromEntries(OPERATION_TYPES.map((type) => [type, jsonSchema(ARGUMENTS[type])])),
};

export function published(ledger: string, now: number, config: Config): Published {
  const limits = {
    operationBytes: MAX_OPERATION_BYTES,
    lifeMs: MAX_LIFE_MS,
    shortLifeMs: SHORT_LIFE_MS,
    skewMs: MAX_SKEW_MS,
    accessMs: config.accessTicketSeconds * 1000,
    hiddenReportBytes: config.stegoLimitBytes,
    reportBytes: config.maxReportBytes,
    chunkBytes: DEFAULT_CHUNK_BYTES,
    parts: MAX_PARTS,
  };
  return { ledger, now, limits, ...FIXED };
}
