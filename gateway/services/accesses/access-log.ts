// Who looked at a record: the ledger's accesses, with what this gateway knows beside: anchored late, met a damaged copy,
// or ended before its time.

import { REFUSALS, type Access, type Page, type RefusalCode } from '@prms/chaincode';
import { activeKin } from '@prms/chaincode/rules';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import type { Log } from '../../logging.js';
import { Documents, type Store } from '../../store/index.js';
import type { Actor } from '../actor.js';
import type { Outbox } from '../outbox.js';
import type { PageRequest, Records } from '../records.js';
import type { SealedTexts } from './sealed-texts.js';

/** An access as its patient sees it. */
export type ShownAccess = Access & {
  readonly anchoredLate?: true;
  readonly damaged?: true;
  readonly ended?: Ending;
};

const endingSchema = z.strictObject({
  /** Why the rule would refuse it. */
  code: z.custom<RefusalCode>((code) => typeof code === 'string' && Object.hasOwn(REFUSALS, code)),
  at: z.int(),
});

/** A permit that was used when what it rested on was gone: nothing was given by it from then on. */
export type Ending = Readonly<z.infer<typeof endingSchema>>;

/** The same with what people wrote of it: for the patient's side and the hospital, not for auditors. */
export type ToldAccess = ShownAccess & {
  /** Why the glass was broken. */
  readonly reasonText?: string;
  readonly reviewNote?: string;
  readonly objectionNote?: string;
};

export class AccessLog {
  readonly #damaged: Documents<true>;
  readonly #ended: Documents<Ending>;

  constructor(
    private readonly records: Records,
    private readonly outbox: Outbox,
    private readonly texts: SealedTexts,
    store: Store,
    private readonly lines: Log,
  ) {
    this.#damaged = new Documents(store, 'damaged-reads', z.literal(true));
    this.#ended = new Documents(store, 'ended-reads', endingSchema);
  }

  /** Who looked at this record. For the patient and those who act for them, and auditors. */
  async list(actor: Actor, patientId: string, page: PageRequest): Promise<Page<ToldAccess>> {
    const patient = await this.records.patient(patientId);
    const kin = activeKin(patient, actor.userId, this.records.now());
    const guardian = kin?.rights.includes('guardian') === true;
    if (actor.userId !== patientId && !guardian && actor.role !== 'auditor') {
      throw new GatewayError('FORBIDDEN', 'Only the patient sees who looked at their record.');
    }
    const { items, bookmark } = await this.records.accesses(patientId, page);
    const show = (access: Access) =>
      actor.role === 'auditor' ? this.marked(access) : this.told(access);
    return { items: await Promise.all(items.map(show)), bookmark };
  }

  /** A damaged report is an error that the patient can see beside the access. */
  async watched<T>(access: string, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (
        error instanceof GatewayError &&
        (error.code === 'REPORT_DAMAGED' || error.code === 'WRAP_DAMAGED')
      ) {
        await this.#damaged.put(access, true, { sync: true });
      }
      throw error;
    }
  }

  async *watchedStream(
    access: string,
    source: AsyncIterable<Uint8Array>,
  ): AsyncIterable<Uint8Array> {
    const chunks = source[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next: IteratorResult<Uint8Array, unknown> = await this.watched(access, () =>
          chunks.next(),
        );
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await chunks.return?.();
    }
  }

  ended(access: string): Promise<Ending | undefined> {
    return this.#ended.get(access);
  }

  /** For good: what is permitted anew later is another access. */
  async end(access: string, code: RefusalCode, reader: string): Promise<void> {
    const ending = { code, at: this.records.now() };
    if (await this.#ended.putIfAbsent(access, ending, { sync: true }))
      this.lines.info('access.ended', { operationId: access, userId: reader, code });
  }

  /** An access with its marks. */
  async marked(access: Access): Promise<ShownAccess> {
    const [late, damaged, ended] = await Promise.all([
      this.outbox.isLate(access.id),
      this.#damaged.get(access.id),
      this.#ended.get(access.id),
    ]);
    return {
      ...access,
      ...(late && { anchoredLate: true as const }),
      ...(damaged && { damaged: true as const }),
      ...(ended && { ended }),
    };
  }

  /** An access with its marks and texts. */
  async told(access: Access): Promise<ToldAccess> {
    const [shown, reasonText, reviewNote, objectionNote] = await Promise.all([
      this.marked(access),
      this.texts.read(access.reason),
      this.texts.read(access.review?.note),
      this.texts.read(access.objection?.note),
    ]);
    return {
      ...shown,
      ...(reasonText !== undefined && { reasonText }),
      ...(reviewNote !== undefined && { reviewNote }),
      ...(objectionNote !== undefined && { objectionNote }),
    };
  }
}
