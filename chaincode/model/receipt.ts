// What the ledger answers to one operation: codes only, so that every endorser says the same bytes.

import { z } from 'zod';

/** Why an operation was refused. Closed: pages and clients translate each one. */
export const REFUSALS = {
  // the bytes
  MALFORMED:
    'The operation is not canonical JSON of a known version and type, or its arguments do not fit its type.',
  WRONG_LEDGER: 'The operation was signed for another ledger.',
  BAD_SIGNATURE: 'The signature does not belong to these bytes and this key.',
  UNKNOWN_ACTOR: 'No user of that id is registered.',
  KEY_NOT_CURRENT: 'The operation was signed with a key that is not the user’s current one.',
  LIFE_TOO_LONG: 'The operation’s life span is longer than its type allows.',
  NOT_YET_VALID: 'The operation was issued in the future.',
  EXPIRED: 'The operation expired before it reached the ledger. This is final: sign a new one.',
  ID_MISMATCH: 'The operation’s id does not carry its time of issue.',
  ID_REUSED: 'Another operation has used this id.',
  // the state
  NOT_FOUND: 'What the operation names is not on the ledger.',
  VERSION_CONFLICT: 'What the operation changes has been changed since. Look at it again.',
  WRONG_STATE: 'What the operation names is not in a state that allows this.',
  ALREADY_EXISTS: 'This has been done already.',
  LIMIT_REACHED: 'The patient’s policy document can hold no more entries of this kind.',
  SLOT_TAKEN: 'The appointment slot is taken.',
  // the rules
  WRONG_ROLE: 'The actor’s role may not do this.',
  NOT_OWNER: 'Only the owner, or someone whom the owner has named, may do this.',
  ACTOR_NOT_ACTIVE: 'The actor is not admitted, or has been suspended.',
  NOT_AFFILIATED: 'The doctor is not authorised by the hospital that they act for.',
  HOSPITAL_NOT_ADMITTED: 'The hospital has not been admitted.',
  NO_CARE: 'The doctor has no approved care relation with the patient.',
  NO_KIN_RIGHT: 'The relative has no link to the patient with this right.',
  NO_CONSENT: 'No consent of the patient covers this request.',
  CONSENT_DENIED: 'The patient has denied this expressly.',
  REPORT_WITHDRAWN: 'The report has been withdrawn.',
  REPORT_ERASED: 'The report has been erased.',
  EMERGENCY_OPTED_OUT: 'The patient has opted out of emergency access.',
  NOT_ESCROW: 'The patient has named another hospital for emergencies.',
  EMERGENCY_OVER: 'The emergency window is over, or is not this doctor’s.',
  EPOCH_REQUIRED: 'Taking back full access needs a new vault epoch.',
  NOTICE_RUNNING: 'The notice period has not passed.',
  END_REQUIRED:
    'A guardian’s right needs an end date; what a guardian hands on ends no later than their own.',
} as const;

export type RefusalCode = keyof typeof REFUSALS;

/** One operation's fate. `id` is empty when the bytes could not be read at all. */
export type Receipt =
  | {
      readonly id: string;
      readonly status: 'applied';
      /** The version of the document or entry that the operation made. */
      readonly version: number;
      /** Of an `access:*` operation: what was decided, and why. */
      readonly outcome?: AccessOutcome;
    }
  | { readonly id: string; readonly status: 'refused'; readonly code: RefusalCode };

/** What a request to read came to; `by` names the consent, kin link or emergency that allowed it. */
export type AccessOutcome =
  | { readonly decision: 'permit'; readonly basis: PermitBasis; readonly by?: string }
  | { readonly decision: 'refuse'; readonly code: RefusalCode; readonly by?: string };

export type PermitBasis = 'self' | 'consent' | 'guardian' | 'emergency';

const refusalSchema = z.enum(Object.keys(REFUSALS).filter(isRefusal));
const bySchema = z.string().exactOptional();

const outcomeSchema = z.discriminatedUnion('decision', [
  z.object({
    decision: z.literal('permit'),
    basis: z.enum(['self', 'consent', 'guardian', 'emergency']),
    by: bySchema,
  }),
  z.object({ decision: z.literal('refuse'), code: refusalSchema, by: bySchema }),
]) satisfies z.ZodType<AccessOutcome>;

/** A receipt, read back from wherever it was written down. */
export const receiptSchema = z.discriminatedUnion('status', [
  z.object({
    id: z.string(),
    status: z.literal('applied'),
    version: z.int(),
    outcome: outcomeSchema.exactOptional(),
  }),
  z.object({ id: z.string(), status: z.literal('refused'), code: refusalSchema }),
]) satisfies z.ZodType<Receipt>;

/**
 * Reads what `operations:apply` returns: receipts, one a line, in the order of the operations.
 * @throws SyntaxError | z.ZodError when it is something else
 */
export function readReceipts(bytes: Uint8Array): Receipt[] {
  const text = new TextDecoder().decode(bytes);
  return text === '' ? [] : text.split('\n').map((line) => receiptSchema.parse(JSON.parse(line)));
}

function isRefusal(name: string): name is RefusalCode {
  return Object.hasOwn(REFUSALS, name);
}
