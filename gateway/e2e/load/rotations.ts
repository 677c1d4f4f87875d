// New keys under the same id: of a patient, and of the hospital that another patient has named for emergencies.
import { expect } from 'chai';
import { z } from 'zod';
import type { Visitor } from '../world.js';
import { Told, type Common, type Kind } from './kind.js';
import { expectRead, uploaded, type KnownReport } from './reading.js';

const historySchema = z.object({
  items: z.array(z.looseObject({ document: z.looseObject({ version: z.int(), kid: z.string() }) })),
});

export class Rotations implements Kind {
  readonly name = 'rotations';
  readonly #told = new Told();
  /** Of Rita's document, as they were answered. */
  readonly #versions: number[] = [];

  private constructor(
    private readonly rita: Visitor,
    private readonly south: Visitor,
    private readonly report: KnownReport,
  ) {}

  static async settle({ door, south }: Common): Promise<Rotations> {
    const rita = await door.patient('rita');
    return new Rotations(rita, south, await uploaded(rita));
  }

  async round(): Promise<void> {
    const receipt = await this.#told.change(this.rita, '/me/keys/rotate');
    if (receipt) this.#versions.push(receipt.version);
    await expectRead(this.rita, this.report, {}, this.#told);
    await this.#told.change(this.south, '/me/keys/rotate');
  }

  /** Whoever rotated signs in, signs, and reads what was wrapped for their first key; each rotation was done once. */
  async check(): Promise<void> {
    const rita = await this.rita.logIn();
    await expectRead(rita, this.report, {}, this.#told);
    const path = `/patients/${rita.userId}/history?kind=user&id=${rita.userId}&limit=200`;
    const { items } = await rita.get(path, historySchema);
    const versions = items.map(({ document }) => document.version);
    expect(versions).to.deep.equal(versions.map((_, at) => versions.length - at));
    expect(new Set(items.map(({ document }) => document.kid)).size).to.equal(versions.length);
    expect(new Set(this.#versions).size).to.equal(this.#versions.length);
    expect(this.#versions.filter((version) => !versions.includes(version))).to.deep.equal([]);
    await this.#told.check();
  }
}
