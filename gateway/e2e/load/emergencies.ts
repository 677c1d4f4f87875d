// Emergencies: a doctor opens the record of a patient whose hospital holds the key, while that hospital changes its own.
import { expect } from 'chai';
import { z } from 'zod';
import type { Visitor } from '../world.js';
import { expectOnce, Told, type Common, type Kind } from './kind.js';
import { accessesOf, expectRead, uploaded, type KnownReport } from './reading.js';

const brokenSchema = z.looseObject({ emergency: z.string() });
const listSchema = z.object({
  items: z.array(z.looseObject({ id: z.string(), reasonText: z.string().optional() })),
  bookmark: z.string(),
});

export class Emergencies implements Kind {
  readonly name = 'emergencies';
  readonly #told = new Told();
  /** The reason that was given for each. */
  readonly #reasons = new Map<string, string>();

  private constructor(
    private readonly emil: Visitor,
    private readonly doctor: Visitor,
    private readonly south: Visitor,
    private readonly report: KnownReport,
  ) {}

  static async settle({ door, south }: Common): Promise<Emergencies> {
    const emil = await door.patient('emil', south.userId);
    const doctor = await door.doctor('dr-night', south);
    return new Emergencies(emil, doctor, south, await uploaded(emil));
  }

  async round(turn: string): Promise<void> {
    const reason = `found unconscious, ${turn}`;
    const actingFor = this.south.userId;
    const path = `/patients/${this.emil.userId}/emergency`;
    const { emergency } = await this.doctor.post(path, { actingFor, reason }, brokenSchema);
    this.#told.applied(this.doctor, emergency);
    this.#reasons.set(emergency, reason);
    const wish = { purpose: 'emergency', actingFor, emergency };
    await expectRead(this.doctor, this.report, wish, this.#told);
  }

  /** Patient and hospital see each one once, with the reason that was given for it; and another one opens the record. */
  async check(): Promise<void> {
    for (const who of [this.emil, this.doctor]) await who.logIn();
    await this.#told.check();
    const known = [...this.#reasons.keys()];
    expectOnce(await accessesOf(this.emil), known, 'accesses');
    const listed = await this.#listed();
    expectOnce(
      listed.map(({ id }) => id),
      known,
      'emergencies',
    );
    for (const { id, reasonText } of listed) {
      expect(reasonText, id).to.match(/^found unconscious, /);
      if (this.#reasons.has(id)) expect(reasonText).to.equal(this.#reasons.get(id));
    }
    await this.round('after the kill');
  }

  async #listed(): Promise<z.infer<typeof listSchema>['items']> {
    const found: z.infer<typeof listSchema>['items'] = [];
    for (let bookmark = ''; ;) {
      const path = `/emergencies?limit=200&bookmark=${bookmark}`;
      const page: z.infer<typeof listSchema> = await this.south.get(path, listSchema);
      found.push(...page.items);
      if (page.bookmark === '') return found;
      bookmark = page.bookmark;
    }
  }
}
