// A whole record, exported again and again: cut off anywhere, it leaves nothing but the traces of what was read for it.
import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { temporaryFolder } from '../../testing/index.js';
import { verifyExport } from '../../verify/index.js';
import type { Visitor } from '../world.js';
import type { Common, Kind } from './kind.js';
import { accessesOf, uploaded } from './reading.js';

const REPORTS = 2;

export class RecordExports implements Kind {
  readonly name = 'exports';

  private constructor(private readonly edda: Visitor) {}

  static async settle({ door }: Common): Promise<RecordExports> {
    const edda = await door.patient('edda');
    for (let n = 0; n < REPORTS; n++) await uploaded(edda);
    return new RecordExports(edda);
  }

  async round(): Promise<void> {
    await this.#take();
  }

  async #take(): Promise<Uint8Array> {
    const path = `/patients/${this.edda.userId}/export`;
    const { status, bytes } = await this.edda.ask('POST', path, {});
    expect(status, 'an export').to.equal(200);
    return bytes;
  }

  /** The next one is whole, and verifies without any gateway; what the earlier ones read is told once each. */
  async check(): Promise<void> {
    await this.edda.logIn();
    const folder = await temporaryFolder();
    try {
      const file = `${folder.path}/record.zip`;
      await writeFile(file, await this.#take());
      const verdict = await verifyExport(file, { expect: [] });
      expect(verdict.problems).to.deep.equal([]);
      expect(verdict.facts).to.deep.include({ by: this.edda.userId, included: REPORTS });
    } finally {
      await folder.remove();
    }
    const accesses = await accessesOf(this.edda);
    expect(new Set(accesses).size).to.equal(accesses.length);
    expect(accesses.length % REPORTS === 0 || accesses.length > REPORTS).to.equal(true);
  }
}
