// One kind of work in a mixed load: done again and again until the gateway is no more, and held against what is found at
// the next one.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { problemOf, Visitor } from '../world.js';

export interface Kind {
  readonly name: string;
  /**
   * After a kill, when nothing is pending any more: everybody logs in again, and what they find has to fit what they were
   * told. What was cut off half-way is brought to its end as a user would.
   */
  check(): Promise<void>;
  /** Once more; a connection that breaks may end it anywhere. */
  round(turn: string): Promise<void>;
}

/** What all kinds of work have in common, from the first life on. */
export interface Common {
  readonly door: Door;
  /** The hospital that has founded the ledger. */
  readonly north: Visitor;
  /** Another one, which changes its keys all the time. */
  readonly south: Visitor;
}

export const PATIENT = { details: { name: 'Maria' }, escrow: null };

/** Answers are not held against the document here: a killed gateway answers nothing. */
const unchecked = () => undefined;

export const visitorAt = (url: string, login: string): Visitor =>
  new Visitor({ url, check: unchecked }, login);

/** Where the gateway is to be found: another address in each of its lives, for people who come back. */
export class Door {
  url = '';
  readonly check = unchecked;
  readonly clock = { now: () => Date.now() };

  visitor(login: string): Visitor {
    return new Visitor(this, login);
  }

  relative(login: string): Promise<Visitor> {
    return this.visitor(login).register('relative', { details: { name: login } });
  }

  patient(login: string, escrow: string | null = null): Promise<Visitor> {
    return this.visitor(login).register('patient', { details: { name: login }, escrow });
  }

  async doctor(login: string, hospital: Visitor): Promise<Visitor> {
    const doctor = await this.visitor(login).register('doctor', { profile: { name: login } });
    const { version } = await doctor.change('/affiliations', { hospital: hospital.userId });
    const path = `/affiliations/${doctor.userId}/authorise`;
    await hospital.change(path, { replaces: version });
    return doctor;
  }

  /** Until the gateway waits for no receipt any more. */
  async drained(): Promise<void> {
    for (let i = 0; i < 600; i++) {
      const metrics = await (await fetch(`${this.url}/metrics`)).text();
      if (/^prms_queue_length\{queue="outbox"\} 0$/m.test(metrics)) return;
      await sleep(50);
    }
    throw new Error('operations are still pending');
  }
}

/** Does it again and again; a connection that breaks is the end, any other failure is one of the test. */
export async function untilDead(work: (i: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; ; i++) {
    try {
      await work(i);
    } catch (error) {
      if (error instanceof TypeError && error.cause !== undefined) return;
      throw error;
    }
  }
}

const changedSchema = z.looseObject({
  receipt: z.looseObject({ id: z.string(), version: z.int() }),
});
export type Receipt = z.infer<typeof changedSchema>['receipt'];
const fatesSchema = z.object({
  items: z.array(
    z.looseObject({
      id: z.string(),
      state: z.string(),
      receipt: z.looseObject({ id: z.string(), status: z.string() }).optional(),
    }),
  ),
});

const FATES_A_QUESTION = 100;

/** What people were told of their operations, to be held against the operations' fates. */
export class Told {
  readonly #answers: { who: Visitor; id: string; states: readonly string[] }[] = [];

  applied(who: Visitor, id: string): void {
    this.#answers.push({ who, id, states: ['applied'] });
  }

  /** A change that must be applied. @returns its receipt; undefined when the ledger took too long to say */
  async change(who: Visitor, path: string, body?: object): Promise<Receipt | undefined> {
    const found = await this.wish(who, path, body);
    if (typeof found === 'string') throw new Error(`${path} was refused: ${found}`);
    return found;
  }

  /** A change that may be refused. @returns its receipt, or the refusal's reason */
  async wish(who: Visitor, path: string, body?: object): Promise<Receipt | string | undefined> {
    const answer = await who.ask('POST', path, body);
    if (answer.status < 400) {
      const { receipt } = changedSchema.parse(answer.body);
      this.applied(who, receipt.id);
      return receipt;
    }
    const { code, reason, ids } = problemOf(answer);
    const id = ids?.['operation'];
    if (code === 'COMMIT_TIMEOUT' && typeof id === 'string') {
      this.#answers.push({ who, id, states: ['applied', 'refused'] });
      return undefined;
    }
    if (code !== 'REFUSED')
      throw new Error(`${who.login}: ${path} was answered ${JSON.stringify(answer.body)}`);
    if (typeof id === 'string') this.#answers.push({ who, id, states: ['refused'] });
    return reason ?? code;
  }

  /** Each operation's fate, asked for by whoever signed it, is what its answer was; a receipt comes with it. */
  async check(): Promise<void> {
    for (const who of new Set(this.#answers.map((answer) => answer.who))) {
      const own = this.#answers.filter((answer) => answer.who === who);
      for (let at = 0; at < own.length; at += FATES_A_QUESTION) {
        const asked = own.slice(at, at + FATES_A_QUESTION);
        const ids = asked.map(({ id }) => id);
        const { items } = await who.post('/operations/fates', { ids }, fatesSchema);
        for (const [i, { state, receipt }] of items.entries()) {
          expect(asked[i]?.states, `${who.login}: ${state}`).to.include(state);
          expect(receipt).to.include({ id: ids[i], status: state });
        }
      }
    }
  }
}

/** Each of these stands in the list, once, and the list holds nothing twice. */
export function expectOnce(listed: readonly string[], told: Iterable<string>, what: string): void {
  expect(new Set(listed).size, what).to.equal(listed.length);
  const missing = [...told].filter((id) => !listed.includes(id));
  expect(missing, what).to.deep.equal([]);
}
