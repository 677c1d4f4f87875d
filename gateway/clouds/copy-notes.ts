// What is wrong with copies in the clouds, on disk: those that are to be stored or deleted still, and those that have
// been healed. A note outlives a crash, so a copy that is owed is made good by whoever comes next.
import { z } from 'zod';
import { Documents, type DocumentEntry, type Store } from '../store/index.js';
import { CopyDigests } from './copy-digests.js';

const noteSchema = z.strictObject({
  cloud: z.string(),
  objectName: z.string(),
  /** What has to happen in this cloud. */
  wish: z.enum(['store', 'delete']),
  /** `missing` or `bad`: found so when it was read. `unanswered`: the cloud did not take the put or the delete. */
  fault: z.enum(['missing', 'bad', 'unanswered']),
  /** Of the good bytes, 64 hex digits. Absent with a copy to store: copies differ, and nothing tells which is right. */
  sha256: z.string().optional(),
  /** The hash is that of the only copy, of which nothing tells whether it is right: to store it is no healing. */
  unproven: z.literal(true).optional(),
  /** The hash stands on the ledger: an object that is nowhere any more is damage. Otherwise it may have been taken away. */
  anchored: z.boolean(),
  /** Where a good copy was seen, or may be. */
  from: z.array(z.string()).readonly(),
  /** The report that the object belongs to. */
  report: z.string().optional(),
  foundAt: z.int(),
});
/** A copy that is not as it should be. */
export type CopyNote = z.infer<typeof noteSchema>;
export type CopyFault = CopyNote['fault'];

const healedSchema = noteSchema.extend({
  healedAt: z.int(),
  /** How often this copy has been healed in all. */
  times: z.int(),
});
export type HealedCopy = z.infer<typeof healedSchema>;

export class CopyNotes {
  readonly #open: Documents<CopyNote>;
  readonly #healed: Documents<HealedCopy>;
  /** What copies must be whose hash is not on the ledger. */
  readonly digests: CopyDigests;

  constructor(store: Store) {
    this.digests = new CopyDigests(store);
    this.#open = new Documents(store, 'copies-open', noteSchema);
    this.#healed = new Documents(store, 'copies-healed', healedSchema);
  }

  /** @returns false when the same was noted before */
  async add(note: CopyNote): Promise<boolean> {
    const key = openKey(note.objectName, note.cloud);
    const present = await this.#open.get(key);
    // As the schema orders them, for one of the two came from the disk.
    const same = (one: CopyNote) => JSON.stringify(noteSchema.parse({ ...one, foundAt: 0 }));
    if (present && same(present) === same(note)) return false;
    await this.#open.put(key, note, { sync: true });
    return true;
  }

  /** The open note on one copy. */
  get(objectName: string, cloud: string): Promise<CopyNote | undefined> {
    return this.#open.get(openKey(objectName, cloud));
  }

  /** Open notes, in the order of object names. */
  async *open(): AsyncIterable<CopyNote> {
    for await (const { value } of this.#open.list()) yield value;
  }

  async clear({ objectName, cloud }: Pick<CopyNote, 'objectName' | 'cloud'>): Promise<void> {
    if (await this.get(objectName, cloud)) {
      await this.#open.delete(openKey(objectName, cloud), { sync: true });
    }
  }

  /** Closes a note: the copy is good again. */
  async close(note: CopyNote, healedAt: number): Promise<HealedCopy> {
    const key = `${note.report ?? '-'}/${openKey(note.objectName, note.cloud)}`;
    const before = await this.#healed.get(key);
    const healed = { ...note, healedAt, times: (before?.times ?? 0) + 1 };
    await this.#healed.put(key, healed, { sync: true });
    await this.clear(note);
    return healed;
  }

  /** What has been healed of one report. */
  async healedOf(report: string): Promise<HealedCopy[]> {
    const found: HealedCopy[] = [];
    for await (const { value } of this.#healed.list({ prefix: `${report}/` })) found.push(value);
    return found;
  }

  /** Open notes or healed copies with their places, after the place `after`. */
  list(
    state: 'open' | 'healed',
    after: string,
  ): AsyncIterable<DocumentEntry<CopyNote> | DocumentEntry<HealedCopy>> {
    const from = after === '' ? {} : { after };
    return state === 'open' ? this.#open.list(from) : this.#healed.list(from);
  }

  /** How many notes are open. */
  async count(): Promise<number> {
    let count = 0;
    const notes = this.open()[Symbol.asyncIterator]();
    while ((await notes.next()).done !== true) count += 1;
    return count;
  }
}

const openKey = (objectName: string, cloud: string): string => `${objectName}/${cloud}`;
