// Erasing: the ledger says so first; then everything that a report is made of, and every wrap of its key, is deleted from
// every cloud, again and again until each has agreed, and once more later for what was on its way at that moment.

import {
  MAX_LIFE_MS,
  MAX_SKEW_MS,
  readOperationLine,
  REFUSALS,
  type Patient,
  type Report,
  type User,
} from '@prms/chaincode';
import { mayErase } from '@prms/chaincode/rules';
import type { Ledger } from '@prms/network';
import { z } from 'zod';
import { CloudError, type Copies, type Placement } from '../../clouds/index.js';
import { GatewayError } from '../../errors.js';
import { Documents, type Store } from '../../store/index.js';
import type { Actor } from '../actor.js';
import { mustStandNear } from '../facts.js';
import { everyKeyOf } from '../past-keys.js';
import type { AppliedReceipt, Records } from '../records.js';
import type { Recipient, Vaults } from '../vaults.js';
import { ownObjects, placementOf } from './objects.js';

const erasureSchema = z.strictObject({
  patient: z.string(),
  report: z.string(),
  /** Who signed it, and the operation. */
  by: z.string(),
  operation: z.string(),
  erasedAt: z.int(),
  /** Objects that each cloud still holds, as far as it has said; -1 when it did not answer. */
  left: z.record(z.string(), z.int()),
  triedAt: z.int().optional(),
  /** When every cloud had agreed. */
  agreedAt: z.int().optional(),
});
type Erasure = z.infer<typeof erasureSchema>;

/** How an erasure stands, as it is told. */
export interface ErasureState {
  readonly report: string;
  /** `elsewhere`: it was begun at another gateway, which sees to it. */
  readonly state: 'none' | 'deleting' | 'done' | 'elsewhere';
  readonly by?: string;
  readonly erasedAt?: number;
  readonly triedAt?: number;
  readonly agreedAt?: number;
  /** `left`: objects still there; missing when the cloud has not answered. */
  readonly clouds: readonly { readonly cloud: string; readonly left?: number }[];
}

/** What came of erasing a whole record. */
export interface RecordErased {
  readonly erased: number;
  readonly before: number;
  /** Those that are not erased, and why. */
  readonly failed: readonly { readonly report: string; readonly code: string }[];
}

const UNANSWERED = -1;
/** No operation that was signed before is applied after this. */
const SETTLED_MS = MAX_LIFE_MS + MAX_SKEW_MS;

export class Erasures {
  readonly #open: Documents<Erasure>;
  readonly #done: Documents<Erasure>;
  #running: Promise<number> | undefined;
  readonly #attempts = new Map<string, Promise<boolean>>();

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly ledger: Pick<Ledger, 'evidence'>;
      readonly vaults: Vaults;
      readonly copies: Copies;
      readonly store: Store;
      /** Of a whole record’s reports that could not be erased. */
      readonly mostFailuresTold: number;
      /** Wraps and copies that were on their way when a report was erased have arrived after so long. */
      readonly lookMs: number;
      /** What is open of this report ends. */
      readonly onErased: (report: string) => void;
    },
  ) {
    this.#open = new Documents(parts.store, 'erasures', erasureSchema);
    this.#done = new Documents(parts.store, 'erasures-done', erasureSchema);
  }

  /** @throws GatewayError REFUSED for anybody but the patient and a guardian | NOT_FOUND */
  async erase(
    actor: Actor,
    patientId: string,
    id: string,
    replaces: number,
  ): Promise<{ receipt: AppliedReceipt }> {
    await this.#mustBeOwner(actor, patientId);
    const receipt = await this.#say(actor, patientId, id, replaces);
    await this.#attempt(id);
    return { receipt };
  }

  /** Every report of a record, one operation each. What could not be erased is told, and stays. */
  async eraseAll(actor: Actor, patientId: string): Promise<RecordErased> {
    const { records } = this.parts;
    await this.#mustBeOwner(actor, patientId);
    let [erased, before] = [0, 0];
    const failed: { report: string; code: string }[] = [];
    for await (const { id, version, status } of records.all((page) =>
      records.reports(patientId, page),
    )) {
      if (status === 'erased') {
        before++;
        continue;
      }
      try {
        await this.#say(actor, patientId, id, version);
        erased++;
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        failed.push({ report: id, code: error.options.reason ?? error.code });
      }
    }
    await this.finish();
    return { erased, before, failed: failed.slice(0, this.parts.mostFailuresTold) };
  }

  /**
   * Told of every operation that was applied through this gateway, before its receipt is believed: so an erasure that the
   * ledger has is on disk here, whoever signed it, and whenever a crash comes.
   */
  async noteApplied(line: string): Promise<void> {
    if (!line.includes('"report:erase"')) return;
    const envelope = readOperationLine(line)?.envelope;
    const { patient, id: report } = envelope?.args ?? {};
    if (envelope?.type !== 'report:erase') return;
    if (typeof patient !== 'string' || typeof report !== 'string') return;
    if ((await this.#open.get(report)) ?? (await this.#done.get(report))) return;
    const { actor: by, id: operation, issuedAt: erasedAt } = envelope;
    const erasure = { patient, report, by, operation, erasedAt, left: {} };
    await this.#open.put(report, erasure, { sync: true });
    this.parts.onErased(report);
    // Whoever waits for the receipt need not wait for the clouds, and a failure is tried again.
    this.#attempt(report).catch(() => undefined);
  }

  /** Waits for the deleting that is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#attempts.values(), this.#running]);
  }

  /** Goes on with what is not finished. One run at a time. @returns how many erasures some cloud has not agreed to */
  finish(): Promise<number> {
    this.#running ??= this.#finish().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** @throws GatewayError FORBIDDEN for whoever would not see the report in a list */
  async state(actor: Actor, patientId: string, id: string): Promise<ErasureState> {
    const { records } = this.parts;
    const patient = await records.patient(patientId);
    mustStandNear(patient, actor, records.now());
    return this.stateOf(await records.report(patientId, id));
  }

  async stateOf(report: Report): Promise<ErasureState> {
    const { id, status } = report;
    if (status !== 'erased') return { report: id, state: 'none', clouds: [] };
    const erasure = (await this.#open.get(id)) ?? (await this.#done.get(id));
    if (!erasure)
      return { report: id, state: 'elsewhere', ...(await this.#said(report)), clouds: [] };
    const { by, erasedAt, triedAt, agreedAt, left } = erasure;
    return {
      report: id,
      state: agreedAt === undefined ? 'deleting' : 'done',
      by,
      erasedAt,
      ...(triedAt !== undefined && { triedAt }),
      ...(agreedAt !== undefined && { agreedAt }),
      clouds: Object.entries(left).map(([cloud, count]) =>
        count === UNANSWERED ? { cloud } : { cloud, left: count },
      ),
    };
  }

  /** What a later read is answered: that it was erased, when, by whom, and how far the clouds are. */
  async gone(report: Report, access?: string): Promise<GatewayError> {
    const { state, by, erasedAt } = await this.stateOf(report);
    return new GatewayError('GONE', 'The report has been erased.', {
      reason: 'REPORT_ERASED',
      ids: {
        report: report.id,
        erasure: state,
        ...(access !== undefined && { access }),
        ...(by !== undefined && { erasedBy: by }),
        ...(erasedAt !== undefined && { erasedAt }),
      },
    });
  }

  async #mustBeOwner(actor: Actor, patientId: string): Promise<void> {
    const { records } = this.parts;
    const [patient, user] = [await records.patient(patientId), await records.user(actor.userId)];
    const ruling = mayErase(patient, user, records.now());
    if (ruling.permit) return;
    throw new GatewayError('REFUSED', REFUSALS[ruling.code], {
      reason: ruling.code,
      ids: { patient: patientId },
    });
  }

  #say(actor: Actor, patient: string, id: string, replaces: number): Promise<AppliedReceipt> {
    return this.parts.records.act(actor, 'report:erase', { patient, id, replaces }, patient);
  }

  async #finish(): Promise<number> {
    let unfinished = 0;
    for await (const { key, value } of this.#open.list()) {
      if (!this.#isDue(value)) continue;
      if (!(await this.#attempt(key))) unfinished++;
    }
    return unfinished;
  }

  /** Once all have agreed: for a while each time, for what was on its way, and a last time when nothing can be any more. */
  #isDue({ agreedAt, erasedAt }: Erasure): boolean {
    if (agreedAt === undefined) return true;
    const now = this.parts.records.now();
    return now < agreedAt + this.parts.lookMs || now >= erasedAt + SETTLED_MS;
  }

  /** One at a time for a report. @returns whether every cloud agrees that nothing is left */
  #attempt(report: string): Promise<boolean> {
    const running = this.#attempts.get(report);
    if (running) return running;
    const attempt = this.#tryOnce(report).finally(() => this.#attempts.delete(report));
    this.#attempts.set(report, attempt);
    return attempt;
  }

  async #tryOnce(report: string): Promise<boolean> {
    const { records } = this.parts;
    const erasure = await this.#open.get(report);
    if (!erasure) return true;
    try {
      const left = await this.#destroy(erasure);
      const now = records.now();
      const counts = Object.values(left);
      const complete = counts.every((count) => count === 0);
      const { agreedAt = now, ...facts } = erasure;
      // Whoever has agreed and does not answer now is asked again; whoever put something back has not agreed.
      const agreed =
        complete || (erasure.agreedAt !== undefined && counts.every((count) => count <= 0));
      const next = {
        ...facts,
        left: agreed ? erasedEverywhere(left) : left,
        triedAt: now,
        ...(agreed && { agreedAt }),
      };
      const settled = complete && now >= erasure.erasedAt + SETTLED_MS;
      if (settled) await this.#done.put(report, next, { sync: true });
      if (settled) await this.#open.delete(report, { sync: true });
      else await this.#open.put(report, next, { sync: true });
      return agreed;
    } catch (error) {
      // The ledger or the store does not answer: the next run tries again.
      if (error instanceof GatewayError) return false;
      throw error;
    }
  }

  /** @returns how many objects each cloud still holds */
  async #destroy({ patient, report: id }: Erasure): Promise<Record<string, number>> {
    const { records, vaults, copies } = this.parts;
    const report = await records.report(patient, id);
    const every = [
      ...ownObjects(id, report.terms).map((stored) => ({ ...placementOf(stored), report: id })),
      ...vaults.reportWraps(id, await this.#recipients(patient)),
      ...(await vaults.notedReportWraps(id)),
    ];
    const places = new Map(every.map((place) => [place.objectName, place]));
    const left: Record<string, number> = {};
    for (const place of places.values()) {
      // A cloud that did not agree is counted below.
      await copies.delete(place).catch(onlyCloudTrouble);
      for (const cloud of place.clouds) {
        const count = await this.#count(cloud, place);
        const before = left[cloud] ?? 0;
        left[cloud] = count === UNANSWERED || before === UNANSWERED ? UNANSWERED : before + count;
      }
    }
    return left;
  }

  async #count(name: string, { objectName }: Placement): Promise<number> {
    const cloud = this.parts.copies.cloud(name);
    if (!cloud) return UNANSWERED;
    try {
      await cloud.head(objectName);
      return 1;
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      return error.code === 'NOT_FOUND' ? 0 : UNANSWERED;
    }
  }

  /** Everybody for whom the data key may ever have been wrapped: each epoch of the vault, and all who ever had a consent. */
  async #recipients(patientId: string): Promise<Recipient[]> {
    const { records } = this.parts;
    const recipients = new Map<string, Recipient>();
    const grantees = new Set<string>();
    for await (const { document } of records.all((page) =>
      records.history('user', patientId, '', page),
    )) {
      // The chaincode's own documents, as they were.
      const patient = document as User;
      if (patient.role !== 'patient') continue;
      const { key } = patient.epoch;
      recipients.set(key, { id: patientId, sealKey: key });
      recipients.set(patient.keys.seal, { id: patientId, sealKey: patient.keys.seal });
      for (const id of granteesOf(patient)) grantees.add(id);
    }
    for (const id of grantees) {
      for (const every of await everyKeyOf(records, id)) recipients.set(every.sealKey, every);
    }
    return [...recipients.values()];
  }

  /** Who erased it and when, by the ledger. */
  async #said({
    patient,
    id,
    last,
  }: Report): Promise<{ readonly by?: string; readonly erasedAt: number }> {
    const { records, ledger } = this.parts;
    const { items } = await records.history('report', patient, id, { limit: 1 });
    const evidence = await ledger.evidence();
    const found = items[0] && (await evidence.transaction(items[0].transactionId, names(last.id)));
    const by = readOperationLine(found?.lines[0]?.line ?? '')?.envelope.actor;
    return { erasedAt: last.at, ...(by !== undefined && { by }) };
  }
}

const erasedEverywhere = (left: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.keys(left).map((cloud) => [cloud, 0]));

function granteesOf({ consents, escrow }: Patient): string[] {
  const ids = consents.map(({ terms }) => terms.grantee.id);
  return escrow === null ? ids : [...ids, escrow];
}

const names =
  (operation: string) =>
  (line: string): boolean =>
    readOperationLine(line)?.envelope.id === operation;

function onlyCloudTrouble(error: unknown): void {
  if (!(error instanceof CloudError)) throw error;
}
