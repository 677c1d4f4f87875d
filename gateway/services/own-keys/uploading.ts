// Adding a report without the gateway seeing it: the client encrypts; the gateway gives an id, chooses covers, hides the
// ciphertext with part keys alone, stores it, and answers what the client puts into its `report:anchor`.

import type { Patient, ReportTerms } from '@prms/chaincode';
import { covers as covered } from '@prms/chaincode/rules';
import { MAX_PARTS, type PartKeys, type Suite } from '@prms/stego';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import { Documents, type Store } from '../../store/index.js';
import type { Actor } from '../actor.js';
import type { Covers } from '../covers.js';
import { mustBeAllowedToAdd } from '../facts.js';
import type { HospitalKeys } from '../hospital-keys.js';
import type { Outbox } from '../outbox.js';
import type { Records } from '../records.js';
import type { LargeReport } from '../reports/draft.js';
import { hideAndStore, type Stored } from '../reports/hiding.js';
import type { SealedReports, StoredImage } from '../reports/index.js';
import { recipientOf, type Recipient, type Vaults } from '../vaults.js';
import { inForce, standingAt, type Author, type ClientWrap } from './client-wraps.js';
import { Spool, type SmallCiphertext, type SpoolLimits } from './spool.js';

const preparedSchema = z.strictObject({
  patient: z.string(),
  author: z.string(),
  actingFor: z.string().optional(),
  expiresAt: z.int(),
  /** Once the ciphertext is being stored: how many parts at most. */
  parts: z.int().optional(),
});
type Prepared = z.infer<typeof preparedSchema>;

export interface Preparation {
  readonly id: string;
  readonly expiresAt: number;
  readonly epoch: Patient['epoch'];
  /** The categories’ key, for a doctor whose hospital was given it and whose keys rest here. */
  readonly tags?: ClientWrap;
}

export interface SealedUpload {
  readonly suite: Suite;
  readonly partKeys: readonly PartKeys[];
  readonly label: Uint8Array;
  readonly commitment: string;
  readonly tag: string;
  readonly month: string;
}

export interface Received {
  readonly terms: ReportTerms;
  readonly images: readonly StoredImage[];
  readonly notice?: string;
  /** Besides the patient’s epoch: whose partial consent the report falls under. */
  readonly wrapFor: readonly Recipient[];
}

export class OwnUploads {
  readonly #prepared: Documents<Prepared>;
  #underWay = 0;

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly outbox: Outbox;
      readonly vaults: Vaults;
      readonly hospitalKeys: HospitalKeys;
      readonly covers: Covers;
      readonly sealed: SealedReports;
      readonly store: Store;
      readonly maxRate: number;
      readonly maxAtOnce: number;
      readonly perAccount: number;
      /** How long a prepared report waits: no longer than an operation lives. */
      readonly lifeMs: number;
      readonly spool: SpoolLimits;
    },
  ) {
    this.#prepared = new Documents(parts.store, 'prepared-reports', preparedSchema);
  }

  /**
   * Gives a report its id, which will also be that of the operation that anchors it.
   * @throws GatewayError REFUSED | TOO_MANY | NOT_FOUND
   */
  async prepare(actor: Actor, patientId: string, actingFor?: string): Promise<Preparation> {
    const { records, perAccount, lifeMs } = this.parts;
    const patient = await records.patient(patientId);
    await mustBeAllowedToAdd(this.parts.records, actor, patient, actingFor);
    if ((await this.#countOf(actor)) >= perAccount) await this.sweep();
    if ((await this.#countOf(actor)) >= perAccount) {
      throw new GatewayError(
        'TOO_MANY',
        'Too many of your reports are prepared and not anchored.',
        { retry: 'later' },
      );
    }
    const id = records.newId();
    const expiresAt = records.now() + lifeMs;
    const prepared: Prepared = {
      patient: patientId,
      author: actor.userId,
      ...(actingFor !== undefined && { actingFor }),
      expiresAt,
    };
    await this.#prepared.put(id, prepared, { sync: true });
    const tags = actingFor === undefined ? undefined : await this.#tags(actor, patient, actingFor);
    return { id, expiresAt, epoch: patient.epoch, ...(tags && { tags }) };
  }

  /** Who has prepared a report of this id for this patient. */
  async authorOf(patient: string, id: string): Promise<Author | undefined> {
    const prepared = await this.#prepared.get(id);
    return prepared?.patient === patient ? prepared : undefined;
  }

  /** Where a ciphertext is received. The caller disposes of it. @throws GatewayError NOT_FOUND | CONFLICT | BUSY */
  async begin(actor: Actor, patientId: string, id: string): Promise<Spool> {
    const prepared = await this.#own(actor, patientId, id);
    if (prepared.parts !== undefined)
      throw new GatewayError('CONFLICT', 'This report’s ciphertext has been stored already.', {
        ids: { report: id },
      });
    if (this.#underWay >= this.parts.maxAtOnce)
      throw new GatewayError('BUSY', 'Too many reports are being uploaded at once.', {
        retry: 'later',
      });
    this.#underWay++;
    return new Spool(id, this.parts.spool);
  }

  /** After `begin`, whatever came of it. */
  async end(spool: Spool): Promise<void> {
    this.#underWay--;
    await spool.dispose();
  }

  /**
   * Hides and stores what came.
   * @throws GatewayError CONFLICT | REFUSED | CLOUD_UNAVAILABLE | …; StegoError for a bad cover or too few part keys
   */
  async receive(
    actor: Actor,
    patientId: string,
    id: string,
    ciphertext: SmallCiphertext | LargeReport,
    upload: SealedUpload,
    coverFiles: readonly Uint8Array[],
  ): Promise<Received> {
    const prepared = await this.#own(actor, patientId, id);
    const patient = await this.parts.records.patient(patientId);
    await mustBeAllowedToAdd(this.parts.records, actor, patient, prepared.actingFor);
    // Claimed before the first byte is stored: of two that come together, one is refused.
    await this.#claim(id, prepared);
    const stored = await this.#storeAll(actor, id, ciphertext, upload, coverFiles).catch(
      async (error: unknown) => {
        await this.#prepared.put(id, prepared, { sync: true });
        throw error;
      },
    );
    const { suite, commitment, tag, month } = upload;
    const { images, notice, label } = stored;
    const marks = { commitment, tag, month, epoch: patient.epoch.number };
    const terms: ReportTerms = { ...stored.terms, label, suite, ...marks };
    await this.#prepared.put(id, { ...prepared, parts: stored.terms.parts.length }, { sync: true });
    return {
      terms,
      images,
      ...(notice !== undefined && { notice }),
      wrapFor: await this.#grantees(actor, patient, id, terms),
    };
  }

  /** Forgets what has been anchored, and takes back what was stored for reports that nobody has anchored in time. */
  async sweep(): Promise<void> {
    const { records, outbox, sealed } = this.parts;
    for await (const { key: id, value } of this.#prepared.list()) {
      const anchored = await this.#isAnchored(value.patient, id);
      if (!anchored) {
        if (records.now() < value.expiresAt) continue;
        if ((await outbox.fate(id))?.state === 'pending') continue;
        await sealed.discardPrepared(id, value.parts ?? 0);
      }
      await this.#prepared.delete(id);
    }
  }

  async #countOf({ userId }: Actor): Promise<number> {
    let count = 0;
    for await (const { value } of this.#prepared.list()) if (value.author === userId) count++;
    return count;
  }

  async #isAnchored(patient: string, id: string): Promise<boolean> {
    try {
      await this.parts.records.report(patient, id);
      return true;
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'NOT_FOUND') return false;
      throw error;
    }
  }

  async #claim(id: string, prepared: Prepared): Promise<void> {
    const claimed = this.#prepared.write(id, { ...prepared, parts: MAX_PARTS });
    const expect = [this.#prepared.write(id, prepared)];
    if (await this.parts.store.commit([claimed], { expect, sync: true })) return;
    throw new GatewayError('CONFLICT', 'This report’s ciphertext is being stored already.', {
      ids: { report: id },
    });
  }

  async #storeAll(
    actor: Actor,
    id: string,
    ciphertext: SmallCiphertext | LargeReport,
    { suite, partKeys, label }: SealedUpload,
    files: readonly Uint8Array[],
  ): Promise<Stored & { readonly label: ReportTerms['label'] }> {
    const { sealed } = this.parts;
    const stored = await this.#store(actor, id, ciphertext, { suite, partKeys }, files);
    try {
      return { ...stored, label: await sealed.storeSealedLabel(label, id) };
    } catch (error) {
      await sealed.discard(id, stored.terms.parts);
      throw error;
    }
  }

  async #store(
    actor: Actor,
    id: string,
    ciphertext: SmallCiphertext | LargeReport,
    { suite, partKeys }: Pick<SealedUpload, 'suite' | 'partKeys'>,
    files: readonly Uint8Array[],
  ): Promise<Stored> {
    const { sealed } = this.parts;
    if (ciphertext.kind === 'large') {
      const part = await sealed.store(id, ciphertext);
      return { terms: { storage: 'encrypted', parts: [part] }, images: [] };
    }
    const { bytes } = ciphertext;
    const payloadBytes = Math.max(0, bytes.length - TAG_BYTES);
    return hideAndStore(this.parts, actor, { id, payloadBytes, files }, (covers) =>
      sealed.hideCiphertext(bytes, partKeys, suite, covers),
    );
  }

  async #grantees(
    actor: Actor,
    patient: Patient,
    id: string,
    reportTerms: ReportTerms,
  ): Promise<Recipient[]> {
    const facts = { id, author: actor.userId, terms: reportTerms };
    const now = this.parts.records.now();
    const mayGive = standingAt(actor, patient, now) !== 'none';
    const partial = patient.consents.filter(
      ({ status, terms }) =>
        status === 'active' &&
        // Whoever may consent wraps ahead; an author only for those who may read now.
        (mayGive || inForce(terms, now)) &&
        terms.effect === 'permit' &&
        terms.scope.kind === 'partial' &&
        covered(terms.scope, facts),
    );
    const grantees = [...new Set(partial.map(({ terms }) => terms.grantee.id))];
    return Promise.all(
      grantees.map(async (grantee) => recipientOf(await this.parts.records.user(grantee))),
    );
  }

  /** What was wrapped for the hospital, opened with its keys here and wrapped for its doctor. */
  async #tags(actor: Actor, patient: Patient, hospital: string): Promise<ClientWrap | undefined> {
    const { vaults, hospitalKeys, records } = this.parts;
    if (!(await hospitalKeys.has(hospital))) return undefined;
    const what = { purpose: 'tags', subject: patient.id } as const;
    try {
      const key = await vaults.openTagKey(patient.id, await hospitalKeys.unsealer(hospital));
      const recipient = recipientOf(await records.user(actor.userId));
      const { kid, wrapped } = await vaults.handOver(what, recipient, key);
      return { ...what, recipient: actor.userId, kid, wrapped };
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** @throws GatewayError NOT_FOUND, also for somebody else’s */
  async #own(actor: Actor, patient: string, id: string): Promise<Prepared> {
    const prepared = await this.#prepared.get(id);
    const own = prepared?.author === actor.userId && prepared.patient === patient;
    if (own && this.parts.records.now() < prepared.expiresAt) return prepared;
    throw new GatewayError('NOT_FOUND', 'You have prepared no such report, or it is too late.', {
      ids: { report: id },
    });
  }
}

const TAG_BYTES = 16;
