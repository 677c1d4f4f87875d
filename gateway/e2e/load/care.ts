// Care: asked for by the patient, taken up and ended by the doctor.
import { expect } from 'chai';
import { z } from 'zod';
import type { Visitor } from '../world.js';
import { Told, type Common, type Kind } from './kind.js';

const STEPS = ['requested', 'approved', 'ended'] as const;
type Step = (typeof STEPS)[number];
const careSchema = z.object({
  items: z.array(
    z.looseObject({
      patient: z.string(),
      care: z.looseObject({ id: z.string(), version: z.int(), status: z.enum(STEPS) }),
    }),
  ),
});

export class CareRequests implements Kind {
  readonly name = 'care';
  readonly #told = new Told();
  /** How far each relation was answered to have come. */
  readonly #steps = new Map<string, Step>();

  private constructor(
    private readonly cora: Visitor,
    private readonly doctor: Visitor,
    private readonly hospital: string,
  ) {}

  static async settle({ door, north }: Common): Promise<CareRequests> {
    const [cora, doctor] = [await door.patient('cora'), await door.doctor('dr-care', north)];
    return new CareRequests(cora, doctor, north.userId);
  }

  async round(): Promise<void> {
    const place = { doctor: this.doctor.userId, hospital: this.hospital };
    const asked = await this.#told.change(this.cora, '/care', place);
    if (!asked) return;
    this.#steps.set(asked.id, 'requested');
    await this.#finish(asked);
  }

  async #finish({ id, version }: { id: string; version: number }, step: Step = 'requested') {
    let replaces = version;
    const left = STEPS.slice(STEPS.indexOf(step) + 1);
    for (const next of left) {
      const verb = next === 'approved' ? 'approve' : 'end';
      const path = `/care/${this.cora.userId}/${id}/${verb}`;
      const receipt = await this.#told.change(this.doctor, path, { replaces });
      if (!receipt) return;
      this.#steps.set(id, next);
      replaces = receipt.version;
    }
  }

  /** Each relation has come as far as was answered, or one step further; and goes on from there. */
  async check(): Promise<void> {
    for (const who of [this.cora, this.doctor]) await who.logIn();
    await this.#told.check();
    const { items } = await this.cora.get('/care', careSchema);
    const ids = items.map(({ care }) => care.id);
    expect(new Set(ids).size).to.equal(ids.length);
    for (const { care } of items) {
      const [answered, found] = [this.#steps.get(care.id), STEPS.indexOf(care.status)];
      const least = answered === undefined ? 0 : STEPS.indexOf(answered);
      expect(found, care.id).to.be.within(least, least + 1);
      expect(care.version).to.equal(found + 1);
      await this.#finish(care, care.status);
    }
    // What is not over is never forgotten.
    const open = [...this.#steps].filter(([, step]) => step !== 'ended').map(([id]) => id);
    expect(open.filter((id) => !ids.includes(id))).to.deep.equal([]);
  }
}
