// Consents to a whole record, changed and taken back: each time somebody leaves the circle a new epoch begins, and whoever
// stays has to be given its key.
import { expect } from 'chai';
import { z } from 'zod';
import { terms, type Visitor } from '../world.js';
import { expectOnce, Told, type Common, type Kind } from './kind.js';
import {
  accessesOf,
  expectRead,
  expectRefused,
  someOf,
  uploaded,
  type KnownReport,
} from './reading.js';

const consentsSchema = z.object({
  items: z.array(
    z.looseObject({
      id: z.string(),
      version: z.int(),
      status: z.enum(['active', 'revoked']),
      terms: z.looseObject({
        grantee: z.looseObject({ id: z.string() }),
        scope: z.looseObject({ kind: z.string(), reports: z.array(z.string()).optional() }),
      }),
    }),
  ),
});
type ShownConsent = z.infer<typeof consentsSchema>['items'][number];
const reportsSchema = z.object({
  items: z.array(z.looseObject({ id: z.string(), label: z.looseObject({ title: z.string() }) })),
});

export class ConsentChanges implements Kind {
  readonly name = 'consents';
  readonly #told = new Told();
  readonly #granted = new Set<string>();
  readonly #revoked = new Set<string>();

  private constructor(
    readonly clara: Visitor,
    private readonly stays: Visitor,
    readonly goes: Visitor,
    private readonly acting: { readonly actingFor: string },
    private readonly reports: KnownReport[],
  ) {}

  static async settle({ door, north }: Common): Promise<ConsentChanges> {
    const clara = await door.patient('clara');
    const stays = await door.doctor('who-stays', north);
    const goes = await door.doctor('who-goes', north);
    const report = await uploaded(clara);
    await clara.change(`/patients/${clara.userId}/consents`, { terms: terms(stays) });
    return new ConsentChanges(clara, stays, goes, { actingFor: north.userId }, [report]);
  }

  get #path(): string {
    return `/patients/${this.clara.userId}/consents`;
  }

  async round(turn: string): Promise<void> {
    const granted = await this.#told.change(this.clara, this.#path, { terms: terms(this.goes) });
    if (!granted) return;
    this.#granted.add(granted.id);
    const [first] = this.reports;
    if (!first) throw new Error('there is no report');
    await expectRead(this.goes, first, this.acting);
    let { version } = granted;
    if (/[13579]$/.test(turn)) {
      const body = { terms: this.#only(first), replaces: version };
      const amended = await this.#told.change(
        this.clara,
        `${this.#path}/${granted.id}/amend`,
        body,
      );
      if (!amended) return;
      version = amended.version;
      await expectRead(this.goes, first, this.acting);
    }
    if (!(await this.#revoke(granted.id, version))) return;
    await expectRefused(this.goes, first, this.acting);
    // Of the new epoch.
    const added = await uploaded(this.clara, turn);
    this.reports.push(added);
    await expectRead(this.stays, added, this.acting);
  }

  #only({ id }: KnownReport): object {
    return terms(this.goes, { kind: 'selective', reports: [id] });
  }

  async #revoke(id: string, replaces: number): Promise<boolean> {
    const revoked = await this.#told.change(this.clara, `${this.#path}/${id}/revoke`, { replaces });
    if (revoked) this.#revoked.add(id);
    return revoked !== undefined;
  }

  /** Patient and grantee read everything of every epoch; whoever was let go reads what a consent still says, and no more. */
  async check(): Promise<void> {
    for (const who of [this.clara, this.stays, this.goes]) await who.logIn();
    await this.#told.check();
    await this.#checkReports();
    const { items } = await this.clara.get(this.#path, consentsSchema);
    const ours = items.filter(({ terms: { grantee } }) => grantee.id === this.goes.userId);
    const idsOf = (list: readonly ShownConsent[]) => list.map(({ id }) => id);
    expectOnce(idsOf(ours), this.#granted, 'consents');
    const active = ours.filter(({ status }) => status === 'active');
    expect(idsOf(active).filter((id) => this.#revoked.has(id))).to.deep.equal([]);
    const reports = someOf(this.reports);
    for (const report of reports) {
      await expectRead(this.clara, report, {}, this.#told);
      await expectRead(this.stays, report, this.acting);
      const open = active.some(({ terms: { scope } }) => covers(scope, report));
      await (open ? expectRead : expectRefused)(this.goes, report, this.acting);
    }
    for (const { id, version } of active) await this.#revoke(id, version);
    for (const report of reports) await expectRefused(this.goes, report, this.acting);
    const accesses = await accessesOf(this.clara);
    expect(new Set(accesses).size).to.equal(accesses.length);
    // A grant that was cut off before it was accepted has left a wrap: whoever makes it again, and ends it, takes it away.
    await this.round('after the kill, 1');
  }

  /** Reports whose upload was not answered, but done, are there for good; each answered one is there once. */
  async #checkReports(): Promise<void> {
    const path = `/patients/${this.clara.userId}/reports?limit=200`;
    const { items } = await this.clara.get(path, reportsSchema);
    const answered = this.reports.map(({ id }) => id);
    expectOnce(
      items.map(({ id }) => id),
      answered,
      'reports',
    );
  }
}

function covers(
  { kind, reports }: ShownConsent['terms']['scope'],
  { id }: Pick<KnownReport, 'id'>,
): boolean {
  return kind === 'full' || reports?.includes(id) === true;
}
