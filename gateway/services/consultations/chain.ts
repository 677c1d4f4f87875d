// The chain of a consultation's messages, format PRMS-chat-v2 (docs/consultations.md): it runs over ciphertexts, so that
// whoever keeps the messages without being able to read them keeps a chain that each of the two sides can verify.

import { createHash } from 'node:crypto';
import { canonicalise, operationIdSchema, userIdSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import type { RandomBytes } from '../../ambient.js';
import { openMessage, sealMessage } from '../../vault/index.js';

const common = {
  /** From 1, without gaps. */
  number: z.int().min(1),
  sender: userIdSchema,
  /** Milliseconds since the epoch, by the gateway's clock. */
  at: z.int(),
};

/** What a client calls its message, so that sending it again does not say it twice. */
export const messageIdSchema = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/);
export const sealedSchema = z.string().regex(/^[A-Za-z0-9_-]*$/);
const head = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** Something that was said: its ciphertext. */
const saidSchema = z.strictObject({
  ...common,
  kind: z.literal('message'),
  id: messageIdSchema,
  sealed: sealedSchema,
});
/** A report that one side shows the other: a pointer, which opens nothing. */
const shownReportSchema = z.strictObject({
  ...common,
  kind: z.literal('report-shown'),
  id: messageIdSchema,
  report: operationIdSchema,
});
/** A report that a participant has looked at: its access stands on the ledger, and the patient sees it. */
const viewedSchema = z.strictObject({
  ...common,
  kind: z.literal('report-viewed'),
  id: messageIdSchema,
  report: operationIdSchema,
  access: operationIdSchema,
});

export const entrySchema = z.discriminatedUnion('kind', [
  saidSchema.extend({ head }),
  shownReportSchema.extend({ head }),
  viewedSchema.extend({ head }),
]);

/** A message as a participant is shown it: with its text, where the gateway may open it. */
export const shownSchema = z.discriminatedUnion('kind', [
  saidSchema.extend({
    head,
    text: z.string().optional(),
    /** It opens with no key of this consultation: what its sender has sealed is no message. */
    unreadable: z.literal(true).optional(),
  }),
  shownReportSchema.extend({ head }),
  viewedSchema.extend({ head }),
]);
export type Shown = Readonly<z.infer<typeof shownSchema>>;

/** One link of the chain; `head` is the chain's head with it. */
export type Entry = Readonly<z.infer<typeof entrySchema>>;
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** The same before it has its place. */
export type Draft = Without<Entry, 'number' | 'at' | 'head'>;

/** Where a chain stands. */
export interface Tail {
  readonly count: number;
  readonly head: string;
}

const TAG = 'PRMS-chat-v2\0';

/** The head before the first message: bound to the consultation and, by its commitment, to the one key of all messages. */
export function firstHead(consultation: string, keyCommitment: string): string {
  return hash(TAG, canonicalise({ consultation, key: keyCommitment }));
}

/** head = SHA-256("PRMS-chat-v2" NUL ‖ previous head (32 bytes) ‖ canonical JSON of the link), base64url. */
export function chained(previous: string, entry: Without<Entry, 'head'>): string {
  return hash(TAG, Buffer.from(previous, 'base64url'), canonicalise(linkOf(entry)));
}

/** What is hashed of an entry: in place of the ciphertext its SHA-256. */
function linkOf(entry: Without<Entry, 'head'>): Readonly<Record<string, string | number>> {
  const { number, sender, at, kind, id } = entry;
  const link = { number, sender, at, kind, id };
  switch (entry.kind) {
    case 'message':
      return { ...link, body: hash(Buffer.from(entry.sealed, 'base64url')) };
    case 'report-shown':
      return { ...link, report: entry.report };
    case 'report-viewed':
      return { ...link, report: entry.report, access: entry.access };
  }
}

/** The heads of a chain, if the entries are one: `undefined` where the first does not fit. */
export function headsOf(first: string, entries: readonly (Entry | Shown)[]): string[] | undefined {
  const heads: string[] = [];
  let last = first;
  for (const [index, entry] of entries.entries()) {
    const { head: said, ...rest } = entry;
    last = chained(last, rest);
    if (entry.number !== index + 1 || said !== last) return undefined;
    heads.push(last);
  }
  return heads;
}

/** What a message's ciphertext is bound to. Its number is not known yet when it is made. */
export interface MessagePlace {
  /** The channel's name. */
  readonly ledger: string;
  readonly consultation: string;
  readonly sender: string;
  readonly id: string;
}

const placeOf = ({ ledger, consultation, sender, id }: MessagePlace) => [
  ledger,
  consultation,
  sender,
  id,
];

export function sealText(
  key: Uint8Array,
  place: MessagePlace,
  text: string,
  random: RandomBytes,
): string {
  return sealMessage(key, placeOf(place), Buffer.from(text, 'utf8'), random).toString('base64url');
}

/** `undefined` when the ciphertext is of another key or place: whoever seals it themselves may seal anything. */
export function openText(key: Uint8Array, place: MessagePlace, sealed: string): string | undefined {
  const plain = openMessage(key, placeOf(place), Buffer.from(sealed, 'base64url'));
  return plain?.toString('utf8');
}

/** Commits to the consultation's key, so that nobody can be given another one under which other texts appear. */
export function commitToKey(consultation: string, key: Uint8Array): string {
  return hash('PRMS-chat-key-v2\0', `${consultation}\0`, key);
}

function hash(...parts: (string | Uint8Array)[]): string {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(typeof part === 'string' ? Buffer.from(part) : part);
  return digest.digest('base64url');
}
