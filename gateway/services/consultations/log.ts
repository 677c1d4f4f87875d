// The messages of consultations on disk: appended one by one, each synced before anybody hears of it, each once.

import { z } from 'zod';
import type { Clock } from '../../ambient.js';
import { GatewayError } from '../../errors.js';
import { Documents, type Store } from '../../store/index.js';
import { chained, entrySchema, type Draft, type Entry, type Tail } from './chain.js';

const tailSchema = z.strictObject({ count: z.int(), head: z.string(), at: z.int() });
/** A tail with the time of its last message. */
export type StoredTail = Readonly<z.infer<typeof tailSchema>>;

export class MessageLog {
  readonly #entries: Documents<Entry>;
  readonly #tails: Documents<StoredTail>;
  /** By consultation, sender and the client's own id: the number that it got. */
  readonly #numbers: Documents<number>;

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
  ) {
    this.#entries = new Documents(store, 'messages', entrySchema);
    this.#tails = new Documents(store, 'message-tails', tailSchema);
    this.#numbers = new Documents(store, 'message-ids', z.int());
  }

  /** Where the chain stands; `undefined` before the first message. */
  tail(id: string): Promise<StoredTail | undefined> {
    return this.#tails.get(id);
  }

  /** The message that a sender has sent before under an id of their own. */
  async find(id: string, which: Pick<Draft, 'sender' | 'id'>): Promise<Entry | undefined> {
    const number = await this.#numbers.get(idPlace(id, which));
    return number === undefined ? undefined : this.#entries.get(place(id, number));
  }

  /** Appends a message; it is on disk when this returns. One at a time for a consultation: the caller sees to that. */
  async append(id: string, first: string, draft: Draft): Promise<Entry> {
    const present: Tail = (await this.#tails.get(id)) ?? { count: 0, head: first };
    const body = { ...draft, number: present.count + 1, at: this.clock.now() };
    const entry: Entry = { ...body, head: chained(present.head, body) };
    const { number, head, at } = entry;
    const writes = [
      this.#entries.write(place(id, number), entry),
      this.#numbers.write(idPlace(id, draft), number),
      this.#tails.write(id, { count: number, head, at }),
    ];
    const expect = [this.#entries.absent(place(id, number))];
    if (await this.store.commit(writes, { expect, sync: true })) return entry;
    throw new GatewayError('STORE_DAMAGED', 'The messages reach further than their chain.', {
      ids: { consultation: id },
    });
  }

  /**
   * In order, from the one after `after`.
   * @throws GatewayError STORE_DAMAGED when one is missing, or does not follow from the one before it
   */
  async read(id: string, after: number, limit: number): Promise<Entry[]> {
    const entries: Entry[] = [];
    const from = { prefix: `${id}/`, after: place(id, after), limit };
    for await (const { value } of this.#entries.list(from)) entries.push(value);
    // The first message's head comes from the consultation's key, which is not the log's to know.
    let previous = after === 0 ? undefined : await this.#entries.get(place(id, after));
    for (const [at, entry] of entries.entries()) {
      const follows = previous === undefined || chained(previous.head, entry) === entry.head;
      if (entry.number !== after + at + 1 || !follows)
        throw new GatewayError('STORE_DAMAGED', 'A stored message is missing, or another one.', {
          ids: { consultation: id },
        });
      previous = entry;
    }
    return entries;
  }
}

const place = (id: string, number: number): string => `${id}/${String(number).padStart(9, '0')}`;
const idPlace = (id: string, { sender, id: own }: Pick<Draft, 'sender' | 'id'>): string =>
  `${id}/${sender}/${own}`;
