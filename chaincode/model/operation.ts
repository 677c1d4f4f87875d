// The signed operation: the unit of everything. A small document that says who wants what, in canonical JSON, and the
// line form in which it travels (HTTP bulk, batches, outbox): `{"operation":{…},"signature":"…"}`.

import { z } from 'zod';
import { canonicalise } from './canonical.js';
import {
  instantSchema,
  kidSchema,
  operationIdSchema,
  signatureSchema,
  userIdSchema,
} from './ids.js';

/** Signatures cover this, then the operation's canonical UTF-8 bytes. */
export const SIGNING_PREFIX = 'PRMS-op-v1\0';
/** No operation lives longer than a day, so no gateway can hold one back for longer. */
export const MAX_LIFE_MS = 24 * 60 * 60 * 1000;
/** The life of what must not be dated back. */
export const SHORT_LIFE_MS = 10 * 60 * 1000;
/** How far an operation's or a transaction's clock may be from an endorser's. */
export const MAX_SKEW_MS = 2 * 60 * 1000;
/** Longest canonical operation, UTF-8 bytes. */
export const MAX_OPERATION_BYTES = 16 * 1024;

export const envelopeSchema = z.strictObject({
  v: z.literal(1),
  /** Name of the channel: an operation can't be replayed on another ledger. */
  ledger: z.string().regex(/^[a-z][a-z0-9.-]{0,248}$/),
  type: z.string().max(64),
  actor: userIdSchema,
  kid: kidSchema,
  id: operationIdSchema,
  issuedAt: instantSchema,
  expiresAt: instantSchema,
  /** Read by the type's own schema; that it is JSON, the canonical form has shown. */
  args: z.record(z.string(), z.unknown()),
});

/** An operation whose envelope has been read, its arguments not yet. */
export type Envelope = z.infer<typeof envelopeSchema>;

/** One operation as it came, with the very bytes that were signed. */
export interface SignedOperation {
  readonly envelope: Envelope;
  /** Canonical JSON: what the signature covers after SIGNING_PREFIX. */
  readonly bytes: string;
  /** 64-byte r ‖ s, low-S, base64url. */
  readonly signature: string;
}

/** The canonical bytes of an operation: what its actor signs, after SIGNING_PREFIX. */
export function operationBytes(envelope: Envelope): string {
  return canonicalise(envelope);
}

/** Is a canonical text no longer than an operation may be? */
export function fitsOperation(bytes: string): boolean {
  if (bytes.length > MAX_OPERATION_BYTES) return false;
  // A UTF-16 code unit takes three bytes at most, so most texts need no counting.
  if (bytes.length * 3 <= MAX_OPERATION_BYTES) return true;
  return new TextEncoder().encode(bytes).length <= MAX_OPERATION_BYTES;
}

const HEAD = '{"operation":';
const MIDDLE = ',"signature":"';
const TAIL = '"}';
const SIGNATURE_LENGTH = 86;

/** The line form of a signed operation (no newline at the end). */
export function operationLine(bytes: string, signature: string): string {
  return HEAD + bytes + MIDDLE + signature + TAIL;
}

/**
 * Reads a line back. The signed bytes are cut out of the line, never made again, and must already be canonical:
 * otherwise one signature would stand for several byte strings.
 * @returns null when the line is anything else than one operation of version 1
 */
export function readOperationLine(line: string): SignedOperation | null {
  const cut = cutOperationLine(line);
  if (!cut || !fitsOperation(cut.bytes) || !signatureSchema.safeParse(cut.signature).success)
    return null;
  const envelope = readCanonical(cut.bytes);
  return envelope && { envelope, ...cut };
}

/** The id of the key that a line says it was signed with; any text may come back from what is no operation. */
export function kidOfLine(line: string): string {
  // Canonical members come in order, and the arguments, which may hold anything, stand before this one.
  const at = line.lastIndexOf(KID);
  return at < 0 ? '' : line.slice(at + KID.length, line.indexOf('"', at + KID.length));
}

const KID = '"kid":"';

/** A line's parts, whatever they hold: bytes and signature have not been looked at. */
export function cutOperationLine(
  line: string,
): Pick<SignedOperation, 'bytes' | 'signature'> | null {
  const end = line.length - SIGNATURE_LENGTH - TAIL.length;
  if (
    !line.startsWith(HEAD) ||
    !line.endsWith(TAIL) ||
    !line.startsWith(MIDDLE, end - MIDDLE.length)
  )
    return null;
  return {
    bytes: line.slice(HEAD.length, end - MIDDLE.length),
    signature: line.slice(end, end + SIGNATURE_LENGTH),
  };
}

function readCanonical(bytes: string): Envelope | null {
  let value: unknown;
  try {
    value = JSON.parse(bytes);
    if (canonicalise(value) !== bytes) return null;
  } catch {
    return null;
  }
  const read = envelopeSchema.safeParse(value);
  return read.success ? read.data : null;
}
