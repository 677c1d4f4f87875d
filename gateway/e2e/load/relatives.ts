// A relative's link: made with a guardian's rights, cut down to seeing, and ended.
import { expect } from 'chai';
import { z } from 'zod';
import type { Visitor } from '../world.js';
import { Told, type Common, type Kind } from './kind.js';
import { expectRead, expectRefused, uploaded, type KnownReport } from './reading.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const FAMILY = { purpose: 'family' } as const;
const linksSchema = z.object({
  items: z.array(
    z.looseObject({
      id: z.string(),
      version: z.int(),
      status: z.enum(['active', 'ended']),
      rights: z.array(z.string()),
    }),
  ),
});

export class Relatives implements Kind {
  readonly name = 'relatives';
  readonly #told = new Told();
  readonly #ended = new Set<string>();

  private constructor(
    readonly karl: Visitor,
    readonly lena: Visitor,
    private readonly report: KnownReport,
  ) {}

  static async settle({ door }: Common): Promise<Relatives> {
    const [karl, lena] = [await door.patient('karl'), await door.relative('lena')];
    return new Relatives(karl, lena, await uploaded(karl));
  }

  get #path(): string {
    return `/patients/${this.karl.userId}/kin`;
  }

  async round(): Promise<void> {
    const link = await this.#link();
    if (!link) return;
    await expectRead(this.lena, this.report, FAMILY);
    const seeing = { rights: ['view'], replaces: link.version };
    const amended = await this.#told.change(this.karl, `${this.#path}/${link.id}/amend`, seeing);
    if (!amended) return;
    await expectRefused(this.lena, this.report, FAMILY);
    if (await this.#end(link.id, amended.version))
      await expectRefused(this.lena, this.report, FAMILY);
  }

  async #link(): Promise<{ id: string; version: number } | undefined> {
    const guardian = { rights: ['guardian'], notAfter: Date.now() + 30 * DAY_MS };
    const body = { relative: this.lena.userId, ...guardian };
    return this.#told.change(this.karl, this.#path, body);
  }

  async #end(id: string, replaces: number): Promise<boolean> {
    const ended = await this.#told.change(this.karl, `${this.#path}/${id}/end`, { replaces });
    if (ended) this.#ended.add(id);
    return ended !== undefined;
  }

  /** The link is whole or there is none: its rights are what the relative can do, and it can be ended and made again. */
  async check(): Promise<void> {
    for (const who of [this.karl, this.lena]) await who.logIn();
    await this.#told.check();
    const links = (await this.karl.get(this.#path, linksSchema)).items;
    const ids = links.map(({ id }) => id);
    expect(new Set(ids).size).to.equal(ids.length);
    const active = links.filter(({ status }) => status === 'active');
    expect(active.length).to.be.lessThan(2);
    expect(active.filter(({ id }) => this.#ended.has(id))).to.deep.equal([]);
    await expectRead(this.karl, this.report);
    const guards = active.some(({ rights }) => rights.includes('guardian'));
    await (guards ? expectRead : expectRefused)(this.lena, this.report, FAMILY);
    for (const { id, version } of active) await this.#end(id, version);
    await expectRefused(this.lena, this.report, FAMILY);
    const again = await this.#link();
    if (!again) throw new Error('the ledger is slow');
    await expectRead(this.lena, this.report, FAMILY);
    await this.#end(again.id, again.version);
  }
}
