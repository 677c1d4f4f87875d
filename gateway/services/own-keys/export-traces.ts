// That somebody's private keys were taken away: when, and which signing key was the present one. Never the file itself.

import { z } from 'zod';
import { Documents, type Store } from '../../store/index.js';

const traceSchema = z.strictObject({ exportedAt: z.int(), kid: z.string() });
export type ExportTrace = z.infer<typeof traceSchema>;

export class ExportTraces {
  readonly #documents: Documents<ExportTrace>;

  constructor(store: Store) {
    this.#documents = new Documents(store, 'key-exports', traceSchema);
  }

  async note(userId: string, trace: ExportTrace): Promise<void> {
    await this.#documents.update(userId, () => trace, { sync: true });
  }

  /** The last one. */
  of(userId: string): Promise<ExportTrace | undefined> {
    return this.#documents.get(userId);
  }
}
