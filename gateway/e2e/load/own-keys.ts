// Somebody who keeps their own keys: adds reports that the gateway can't read, and replaces their keys. What became of an
// operation that was cut off they ask by its id, and go on from the answer.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { preparedSchema, receivedSchema, type SealedReport } from '../../own-key-client/index.js';
import { OwnKeyPerson, sentReceiptSchema } from '../own-key-person.js';
import { expectOnce, type Common, type Kind } from './kind.js';
import { someOf } from './reading.js';

const fateSchema = z.looseObject({
  state: z.enum(['pending', 'applied', 'refused', 'failed']),
  receipt: sentReceiptSchema.optional(),
});
const meSchema = z.looseObject({ userId: z.string() });
const reportsSchema = z.object({ items: z.array(z.looseObject({ id: z.string() })) });

/** An operation that was signed and handed in, and perhaps not answered. */
interface Unanswered {
  readonly id: string;
  readonly line: string;
  /** What the person does when it was applied. */
  readonly then: () => void;
}

export class OwnKeyWork implements Kind {
  readonly name = 'own keys';
  readonly #reports = new Map<string, Uint8Array>();
  readonly #applied = new Set<string>();
  #unanswered: Unanswered | undefined;
  #version = 1;

  private constructor(private readonly olga: OwnKeyPerson) {}

  static async settle({ door }: Common): Promise<OwnKeyWork> {
    const olga = await new OwnKeyPerson(door, 'olga').register();
    await olga.furnish();
    return new OwnKeyWork(olga);
  }

  async round(turn: string): Promise<void> {
    const bytes = new Uint8Array(randomBytes(100));
    const path = `/patients/${this.olga.userId}/sealed-reports`;
    const { id } = await this.olga.visitor.post(path, {}, preparedSchema);
    const sealed = this.olga.seal(id, bytes);
    const answer = await this.olga.visitor.ask('PUT', `${path}/${id}`, sealed.form());
    expect(answer.status).to.equal(201);
    const { terms } = receivedSchema.parse(answer.body);
    const { vault, userId: patient } = this.olga;
    await this.olga.put(patient, [await this.olga.wrap('report', id, vault, sealed.dataKey)]);
    await this.#anchor(sealed, terms, bytes);
    expect(Buffer.from((await this.olga.read(patient, id)).bytes)).to.deep.equal(
      Buffer.from(bytes),
    );
    if (/[02468]$/.test(turn)) await this.#rotate();
  }

  #anchor(
    { id, twist }: SealedReport,
    report: z.infer<typeof receivedSchema>['terms'],
    bytes: Uint8Array,
  ): Promise<void> {
    const line = this.olga.line('report:anchor', { patient: this.olga.userId, report }, twist);
    return this.#handIn({ id, line, then: () => void this.#reports.set(id, bytes) });
  }

  async #rotate(): Promise<void> {
    const { id, line, take } = this.olga.rotation(this.#version);
    const then = () => {
      take();
      this.#version++;
    };
    await this.#handIn({ id, line, then });
    await this.olga.logIn();
  }

  async #handIn(operation: Unanswered): Promise<void> {
    this.#unanswered = operation;
    const { status, code } = await this.olga.send(operation.line);
    expect(status, code).to.equal('applied');
    this.#settled(operation);
  }

  #settled(operation: Unanswered): void {
    this.#applied.add(operation.id);
    operation.then();
    this.#unanswered = undefined;
  }

  /** What was cut off is known by its id; what is unknown is handed in again. Every report opens with the present keys. */
  async check(): Promise<void> {
    await this.olga.visitor.logIn();
    const cutOff = this.#unanswered;
    if (cutOff) {
      if (await this.#isApplied(cutOff.id)) this.#settled(cutOff);
      else await this.#handIn(cutOff);
    }
    await this.olga.logIn();
    expect((await this.olga.visitor.get('/me', meSchema)).userId).to.equal(this.olga.userId);
    for (const id of someOf([...this.#applied]))
      expect(await this.#isApplied(id), id).to.equal(true);
    const path = `/patients/${this.olga.userId}/reports?limit=200`;
    const listed = (await this.olga.visitor.get(path, reportsSchema)).items.map(({ id }) => id);
    expectOnce(listed, this.#reports.keys(), 'own reports');
    expect(listed.filter((id) => !this.#reports.has(id))).to.deep.equal([]);
    for (const [id, bytes] of someOf([...this.#reports])) {
      const read = await this.olga.read(this.olga.userId, id);
      expect(Buffer.from(read.bytes)).to.deep.equal(Buffer.from(bytes));
    }
  }

  /** @returns false when the gateway has never accepted it */
  async #isApplied(id: string): Promise<boolean> {
    for (let i = 0; i < 200; i++) {
      const answer = await this.olga.visitor.ask('GET', `/operations/${id}`);
      if (answer.status === 404) return false;
      const { state, receipt } = fateSchema.parse(answer.body);
      if (state !== 'pending') {
        expect(state, JSON.stringify(receipt)).to.equal('applied');
        expect(receipt).to.include({ id, status: 'applied' });
        return true;
      }
      await sleep(50);
    }
    throw new Error(`${id} stays pending`);
  }
}
