// The set-up code: whoever knows it registers the first hospital and thereby founds the ledger. Made at the first start,
// readable by the operator alone, gone when the ledger is founded.

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ledger } from '@prms/network';
import { RECORDS } from '@prms/chaincode';
import type { RandomBytes } from '../ambient.js';

export class SetupCode {
  readonly #file: string;
  #founded = false;

  constructor(
    private readonly ledger: Pick<Ledger, 'evaluate'>,
    private readonly options: {
      readonly dataDir: string;
      readonly configured: string;
      readonly random: RandomBytes;
    },
  ) {
    this.#file = join(options.dataDir, 'setup-code');
  }

  /** The code, or undefined when the ledger has been founded. */
  async current(): Promise<string | undefined> {
    if (this.#founded || (await this.#isFounded())) {
      if (!this.#founded) await rm(this.#file, { force: true });
      this.#founded = true;
      return undefined;
    }
    return this.options.configured === '' ? this.#fromFile() : this.options.configured;
  }

  async #isFounded(): Promise<boolean> {
    return this.ledger.evaluate(RECORDS, 'query:genesis', []).then(
      () => true,
      (error: unknown) => {
        if (error instanceof Error && error.message.includes('NOT_FOUND')) return false;
        throw error;
      },
    );
  }

  async #fromFile(): Promise<string> {
    const made = Buffer.from(this.options.random(12)).toString('base64url');
    try {
      await writeFile(this.#file, `${made}\n`, { flag: 'wx', mode: 0o600 });
      return made;
    } catch {
      return (await readFile(this.#file, 'utf8')).trim();
    }
  }
}
