// What the store knows of a document that a system has handed in. What it is about is sealed; names that its sender gave it
// are keyed hashes.

import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { Documents, type Store } from '../../store/index.js';
import type { MasterKey } from '../../vault/index.js';

const entrySchema = z.strictObject({
  id: z.string(),
  service: z.string(),
  hospital: z.string(),
  patient: z.string(),
  acceptedAt: z.int(),
  state: z.enum(['waiting', 'anchored', 'failed']),
  /** The plaintext's length. */
  bytes: z.int(),
  /** Name of the file on the shelf, and what it is about; gone once it is anchored. */
  file: z.string().optional(),
  sealed: z.string().optional(),
  /** Keyed hash of patient and content: the same document twice is one. */
  mark: z.string(),
  /** Keyed hash of the sender's name for it. */
  name: z.string().optional(),
  /** The entry that it replaces. */
  replaces: z.string().optional(),
  attempts: z.int(),
  /** Trying counts from here: acceptance, or the last wish to try again. */
  triedSince: z.int(),
  nextAt: z.int(),
  /** The report that the last attempt meant to anchor: written before the attempt, so that a crash can't double it. */
  attempt: z.string().optional(),
  report: z.string().optional(),
  code: z.string().optional(),
  reason: z.string().optional(),
  endedAt: z.int().optional(),
});
export type Entry = z.infer<typeof entrySchema>;

/** What a document is about: sealed as long as it waits. */
const contentsSchema = z.strictObject({
  title: z.string(),
  category: z.string(),
  month: z.string().optional(),
  fileName: z.string(),
  key: z.string(),
});
export type Contents = z.infer<typeof contentsSchema>;

/** A FHIR Binary that waits for the DocumentReference that names it. */
const binarySchema = z.strictObject({
  id: z.string(),
  service: z.string(),
  hospital: z.string(),
  receivedAt: z.int(),
  bytes: z.int(),
  contentType: z.string(),
  mediaType: z.string(),
  sha1: z.string(),
  sha256: z.string(),
  sealedKey: z.string(),
});
export type Binary = z.infer<typeof binarySchema>;

export class Entries {
  readonly documents: Documents<Entry>;
  readonly names: Documents<{ key: string }>;
  readonly binaries: Documents<Binary>;
  readonly #nameKey: Uint8Array;
  readonly #markKey: Uint8Array;

  constructor(
    readonly store: Store,
    private readonly master: MasterKey,
  ) {
    this.documents = new Documents(store, 'acquisitions', entrySchema);
    this.names = new Documents(store, 'acquisition-names', z.strictObject({ key: z.string() }));
    this.binaries = new Documents(store, 'acquisition-binaries', binarySchema);
    this.#nameKey = master.derive('acquisition-names');
    this.#markKey = master.derive('acquisition-marks');
  }

  /** What stands for a sender's own name for a document. */
  nameOf(service: string, identifier: string): string {
    return keyed(this.#nameKey, `${service}\0${identifier}`);
  }

  markOf(patient: string, sha256: string): string {
    return keyed(this.#markKey, `${patient}\0${sha256}`);
  }

  /** Of a Binary, whose patient is not known yet. */
  digestMark(sha256: Uint8Array): string {
    return keyed(this.#markKey, Buffer.from(sha256).toString('base64url'));
  }

  seal(id: string, contents: Contents): string {
    const bytes = Buffer.from(JSON.stringify(contents), 'utf8');
    return this.#sealed('acquisition', id, bytes);
  }

  open({ id, sealed = '' }: Entry): Contents {
    const bytes = this.#opened('acquisition', id, sealed);
    return contentsSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  }

  sealKey(id: string, key: Uint8Array): string {
    return this.#sealed('acquisition-binary', id, key);
  }

  openKey({ id, sealedKey }: Binary): Uint8Array {
    return this.#opened('acquisition-binary', id, sealedKey);
  }

  #sealed(context: string, subject: string, bytes: Uint8Array): string {
    return Buffer.from(this.master.sealUnderMaster(context, subject, bytes)).toString('base64url');
  }

  #opened(context: string, subject: string, sealed: string): Uint8Array {
    return this.master.openUnderMaster(context, subject, Buffer.from(sealed, 'base64url'));
  }
}

/** Entries lie under their hospital, in the order of time. */
export const keyOf = ({ hospital, id }: Pick<Entry, 'hospital' | 'id'>): string =>
  `${hospital}/${id}`;

const keyed = (key: Uint8Array, text: string): string =>
  createHmac('sha256', key).update(text, 'utf8').digest('base64url');
