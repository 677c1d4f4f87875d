// What is remembered of wraps that clients have stored here: for whom a report's key was wrapped, so that erasing finds each
// of them, and whether the patient or a guardian made it, so that nobody else's stays in its place.

import { z } from 'zod';
import { Documents, type Store } from '../store/index.js';
import type { WrapBinding } from '../vault/index.js';

const noteSchema = z.strictObject({
  recipient: z.string(),
  kid: z.string(),
  sha256: z.string(),
  /** Made by the patient or a guardian, or here for somebody whose keys are kept here. */
  trusted: z.boolean(),
});
export type WrapNote = z.infer<typeof noteSchema>;

type Named = Omit<WrapBinding, 'ledger'>;

export class WrapNotes {
  readonly #notes: Documents<WrapNote>;

  constructor(store: Store) {
    this.#notes = new Documents(store, 'wrap-notes', noteSchema);
  }

  of(wrap: Named): Promise<WrapNote | undefined> {
    return this.#notes.get(keyOf(wrap));
  }

  /** On disk before the wrap is in any cloud. */
  async put(wrap: Named, sha256: string, trusted: boolean): Promise<void> {
    const { recipient, kid } = wrap;
    await this.#notes.put(keyOf(wrap), { recipient, kid, sha256, trusted }, { sync: true });
  }

  /** For whom a report's key was wrapped. */
  async ofReport(report: string): Promise<WrapNote[]> {
    const found: WrapNote[] = [];
    for await (const { value } of this.#notes.list({ prefix: prefixOf('report', report) }))
      found.push(value);
    return found;
  }
}

const prefixOf = (purpose: string, subject: string): string => `${purpose}/${subject}/`;

const keyOf = ({ purpose, subject, recipient, kid }: Named): string =>
  `${prefixOf(purpose, subject)}${recipient}/${kid}`;
