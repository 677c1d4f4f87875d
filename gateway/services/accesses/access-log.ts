// Who looked at a record: the ledger's accesses, with what this gateway knows beside: anchored late, or met a damaged copy.

import type { Access, Page } from '@prms/chaincode';
import { activeKin } from '@prms/chaincode/rules';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import { Documents, type Store } from '../../store/index.js';
import type { Actor } from '../actor.js';
import type { Outbox } from '../outbox.js';
import type { PageRequest, Records } from '../records.js';
import type { SealedTexts } from './sealed-texts.js';

/** An access as its patient sees it. */
export type ShownAccess = Access & { readonly anchoredLate?: true; readonly damaged?: true };

/** The same with what people wrote of it: for the patient's side and the hospital, not for auditors. */
export type ToldAccess = ShownAccess & {
  /** Why the glass was broken. */
  readonly reasonText?: string;
  readonly reviewNote?: string;
  readonly objectionNote?: string;
};

export class AccessLog {
  readonly #damaged: Documents<true>;

  constructor(
    private readonly records: Records,
    private readonly outbox: Outbox,
    private readonly texts: SealedTexts,
    store: Store,
  ) {
    this.#damaged = new Documents(store, 'damaged-reads', z.literal(true));
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

  /** An access with its marks. */
  async marked(access: Access): Promise<ShownAccess> {
    const [late, damaged] = await Promise.all([
      this.outbox.isLate(access.id),
      this.#damaged.get(access.id),
    ]);
    return {
      ...access,
      ...(late && { anchoredLate: true as const }),
      ...(damaged && { damaged: true as const }),
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
