// Adding a report: hide or encrypt it, store it, wrap its key for whoever may read it, and anchor it.

import { monthOf, type Patient, type ReportTerms } from '@prms/chaincode';
import { covers as covered } from '@prms/chaincode/rules';
import type { Suite } from '@prms/stego';
import type { RandomBytes } from '../../ambient.js';
import { GatewayError } from '../../errors.js';
import { unsealerOf, type Actor } from '../actor.js';
import { tagOf, type Circle } from '../circle.js';
import type { Covers } from '../covers.js';
import { mustBeAllowedToAdd } from '../facts.js';
import type { HospitalKeys } from '../hospital-keys.js';
import { sniffMediaType } from '../media-type.js';
import type { AppliedReceipt, Records } from '../records.js';
import { recipientOf, type Vaults } from '../vaults.js';
import { Draft, type ReceivedReport } from './draft.js';
import { hideAndStore, type Stored } from './hiding.js';
import { commitmentOf, type Label, type SealedReports, type StoredImage } from './sealed-report.js';

export interface UploadMeta {
  readonly title: string;
  readonly category: string;
  /** `YYYY-MM`; default the present month. */
  readonly month?: string | undefined;
  /** The hospital that an uploading doctor acts for. */
  readonly actingFor?: string | undefined;
  readonly suite?: Suite | undefined;
  /** The report that this one replaces. */
  readonly supersedes?: { readonly id: string; readonly replaces: number } | undefined;
}

export interface Uploaded {
  readonly receipt: AppliedReceipt;
  readonly report: {
    readonly id: string;
    readonly storage: 'stego' | 'encrypted';
    readonly images: readonly StoredImage[];
    readonly sha256: string;
    readonly mediaType: string;
    readonly bytes: number;
    /** What the uploader should know: a made cover, or a report too large to hide. */
    readonly notice?: string;
  };
}

/** What a report is made of before it is anchored. */
interface Made {
  readonly id: string;
  readonly label: Label;
  readonly dataKey: Uint8Array;
  readonly stored: Stored;
  /** The key to the patient's categories. */
  readonly tagKey: Uint8Array;
}

/** After these the operation may still be on its way, and its report needs what was stored. */
const UNDECIDED: ReadonlySet<string> = new Set(['COMMIT_TIMEOUT', 'LEDGER_UNAVAILABLE']);

export class Uploads {
  #underWay = 0;

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly vaults: Vaults;
      readonly circle: Circle;
      readonly covers: Covers;
      readonly hospitalKeys: HospitalKeys;
      readonly sealed: SealedReports;
      readonly random: RandomBytes;
      readonly stegoLimitBytes: number;
      readonly maxReportBytes: number;
      readonly maxAtOnce: number;
      readonly tempDir: string;
      readonly maxRate: number;
    },
  ) {}

  /** Uploads that have begun and are not put away. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Begins an upload. The caller disposes of the draft in the end. @throws GatewayError BUSY */
  begin(): Draft {
    const { records, random, stegoLimitBytes, maxReportBytes, maxAtOnce, tempDir } = this.parts;
    if (this.#underWay >= maxAtOnce) {
      throw new GatewayError('BUSY', 'Too many reports are being uploaded at once.', {
        retry: 'later',
      });
    }
    this.#underWay++;
    return new Draft({
      id: records.newId(),
      dataKey: random(32),
      stegoLimitBytes,
      maxBytes: maxReportBytes,
      tempDir,
      onDispose: () => this.#underWay--,
    });
  }

  /**
   * Stores and anchors what a draft has received.
   * @throws GatewayError REFUSED | CONFLICT (a cover used before) | CLOUD_UNAVAILABLE | …; StegoError for a bad cover
   */
  async finish(
    actor: Actor,
    patientId: string,
    meta: UploadMeta,
    { id, dataKey }: Draft,
    file: ReceivedReport,
    coverFiles: readonly Uint8Array[],
  ): Promise<Uploaded> {
    const patient = await this.parts.records.patient(patientId);
    await mustBeAllowedToAdd(this.parts.records, actor, patient, meta.actingFor);
    const tagKey = await this.#tagKey(actor, patient.id, meta.actingFor);
    const { sha256, lengthBytes: bytes, fileName } = file;
    const mediaType = sniffMediaType(file.head, file.head.length === bytes);
    const label: Label = {
      title: meta.title,
      fileName,
      mediaType,
      bytes,
      sha256,
      category: meta.category,
    };
    const covers = ownerOfCovers(actor, meta.actingFor);
    const stored = await this.#store(
      covers,
      id,
      file,
      dataKey,
      meta.suite ?? 'A256GCM',
      coverFiles,
    );
    const { terms, receipt } = await this.#settle(actor, patientId, meta, {
      id,
      label,
      dataKey,
      stored,
      tagKey,
    });
    const { images, notice } = stored;
    const report = { id, storage: terms.storage, images, sha256, mediaType, bytes };
    return { receipt, report: notice === undefined ? report : { ...report, notice } };
  }

  /**
   * Label, wraps and anchor. Alone with this patient's circle: a grant or a new epoch in between would leave a reader
   * without a wrap. What was stored is taken back unless the ledger may still say yes.
   */
  async #settle(
    actor: Actor,
    patientId: string,
    meta: UploadMeta,
    made: Made,
  ): Promise<{ terms: ReportTerms; receipt: AppliedReceipt }> {
    const { records, circle, sealed, vaults } = this.parts;
    const { id, dataKey, stored } = made;
    try {
      return await circle.alone(patientId, async () => {
        const patient = await records.patient(patientId);
        const terms = await this.#terms(patient, meta, made);
        await vaults.storeDataKey(patient, id, dataKey);
        const given = await this.#wrap(actor, patient, id, terms, dataKey);
        const receipt = await this.#anchor(actor, patientId, meta, id, terms);
        await this.#wrapLate(actor, patientId, id, terms, dataKey, given);
        return { terms, receipt };
      });
    } catch (error) {
      const undecided = error instanceof GatewayError && UNDECIDED.has(error.code);
      if (!undecided) await sealed.discard(id, stored.terms.parts);
      throw error;
    }
  }

  async #store(
    actor: Actor,
    id: string,
    file: ReceivedReport,
    dataKey: Uint8Array,
    suite: Suite,
    files: readonly Uint8Array[],
  ): Promise<Stored> {
    const { sealed } = this.parts;
    if (file.kind === 'large') {
      const part = await sealed.store(id, file);
      return {
        terms: { storage: 'encrypted', parts: [part] },
        images: [],
        notice: 'This report is too large to hide in pictures: it is stored encrypted only.',
      };
    }
    const payload = file.bytes;
    return hideAndStore(this.parts, actor, { id, payloadBytes: payload.length, files }, (covers) =>
      sealed.hide(payload, dataKey, suite, covers),
    );
  }

  async #terms(patient: Patient, meta: UploadMeta, made: Made): Promise<ReportTerms> {
    const { sealed, records } = this.parts;
    return {
      ...made.stored.terms,
      suite: meta.suite ?? 'A256GCM',
      label: await sealed.storeLabel(made.label, made.dataKey, made.id),
      commitment: commitmentOf(made.dataKey, made.id, made.label.sha256),
      tag: tagOf(made.tagKey, meta.category),
      month: meta.month ?? monthOf(records.now()),
      epoch: patient.epoch.number,
    };
  }

  /** It was wrapped for the hospital with the request for care, or for the doctor with a consent to upload. */
  async #tagKey(actor: Actor, patient: string, actingFor: string | undefined): Promise<Uint8Array> {
    const { vaults, hospitalKeys } = this.parts;
    const own = () => vaults.openTagKey(patient, unsealerOf(actor));
    if (actingFor === undefined) return own();
    const none = (error: unknown) => {
      if (error instanceof GatewayError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    };
    const here = await hospitalKeys.has(actingFor);
    const hospitals = here
      ? await vaults.openTagKey(patient, await hospitalKeys.unsealer(actingFor)).catch(none)
      : undefined;
    const key = hospitals ?? (await own().catch(none));
    if (key) return key;
    if (!here) throw await hospitalKeys.elsewhere(actingFor);
    throw new GatewayError(
      'NOT_FOUND',
      'The key to the patient’s categories was wrapped for neither hospital nor author.',
      { ids: { patient } },
    );
  }

  /**
   * For each grantee whose partial consent this report falls under.
   * @param given those who have it already
   */
  async #wrap(
    actor: Actor,
    patient: Patient,
    id: string,
    terms: ReportTerms,
    dataKey: Uint8Array,
    given: ReadonlySet<string> = new Set(),
  ): Promise<ReadonlySet<string>> {
    const { vaults, records } = this.parts;
    const facts = { id, author: actor.userId, terms };
    const partial = patient.consents.filter(
      (c) =>
        c.status === 'active' &&
        c.terms.effect === 'permit' &&
        c.terms.scope.kind === 'partial' &&
        covered(c.terms.scope, facts),
    );
    const grantees = new Set(partial.map((c) => c.terms.grantee.id));
    for (const grantee of grantees) {
      if (!given.has(grantee))
        await vaults.giveReport(id, dataKey, recipientOf(await records.user(grantee)));
    }
    return grantees;
  }

  /**
   * A consent that another gateway has taken while the report was on its way: the consent's gateway looks for new reports
   * afterwards, and this one for new consents, so that one of the two sees the other. The report is anchored by now: a
   * cloud that fails here is no reason to call it refused.
   */
  async #wrapLate(
    actor: Actor,
    patientId: string,
    id: string,
    terms: ReportTerms,
    dataKey: Uint8Array,
    given: ReadonlySet<string>,
  ): Promise<void> {
    try {
      const patient = await this.parts.records.patient(patientId);
      await this.#wrap(actor, patient, id, terms, dataKey, given);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
    }
  }

  #anchor(
    actor: Actor,
    patient: string,
    { actingFor, supersedes }: UploadMeta,
    id: string,
    report: ReportTerms,
  ): Promise<AppliedReceipt> {
    const args = { patient, report, ...(actingFor !== undefined && { actingFor }) };
    if (!supersedes) return this.parts.records.act(actor, 'report:anchor', args, patient, id);
    return this.parts.records.act(
      actor,
      'report:supersede',
      { ...args, ...supersedes },
      patient,
      id,
    );
  }
}

/** A hospital's systems hide in the photos that its office has put aside. */
function ownerOfCovers(actor: Actor, actingFor: string | undefined): Actor {
  return actor.role === 'service' && actingFor !== undefined
    ? { ...actor, userId: actingFor }
    : actor;
}
