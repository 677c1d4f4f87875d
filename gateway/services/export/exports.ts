// A patient's whole record as one archive that stands by itself: the reports, what the ledger says of them, and the
// evidence with which somebody who trusts neither this gateway nor its ledger's folder can check it offline.
// Streamed: one report, or one chunk of one, is in memory at a time.
import {
  canonicalise,
  type Appointment,
  type Consultation,
  type Marks,
  type Patient,
  type Report,
} from '@prms/chaincode';
import { actsForPatient } from '@prms/chaincode/rules';
import type { Ledger, LedgerEvidence } from '@prms/network';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import {
  EXPORT_VERSION,
  exportText,
  FILES,
  reportFileName,
  type ExportedReport,
  type Manifest,
} from '../../export-format/index.js';
import { signingEntry, type Actor } from '../actor.js';
import type { Accesses, AccessLog } from '../accesses/index.js';
import type { Appointments } from '../appointments.js';
import type { PatientFiles } from '../patient-files.js';
import type { Records } from '../records.js';
import type { Label } from '../reports/index.js';
import { Archive, jsonFile, linesFile, textFile, type ArchiveFile, type Bytes } from './archive.js';
import { EvidenceGatherer } from './evidence.js';
import { README } from './readme.js';

export interface ExportedRecord {
  readonly fileName: string;
  readonly bytes: Bytes;
}

interface Opened {
  readonly access: string;
  readonly label: Label;
  readonly commitmentKey: string;
  readonly content: Bytes;
}
type Marked = Marks & { readonly id: string };
type NotRead = Pick<ExportedReport, 'state'> & { readonly access?: string };

/** What else a consultation leaves: its transcript, for those who may see it. */
export interface Transcripts {
  /** A JSON document, or undefined when this gateway holds none. */
  of(actor: Actor, consultation: Consultation): Promise<unknown>;
}

export class Exports {
  #underWay = 0;

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly ledger: Pick<Ledger, 'evidence'>;
      readonly accesses: Pick<Accesses, 'open' | 'copy'>;
      readonly accessLog: AccessLog;
      readonly appointments: Pick<Appointments, 'of'>;
      readonly files: Pick<PatientFiles, 'get'>;
      readonly transcripts: Transcripts;
      readonly maxAtOnce: number;
      /** In one archive, whose directory counts its files in 16 bits. */
      readonly maxReports: number;
    },
  ) {}

  get underWay(): number {
    return this.#underWay;
  }

  /**
   * Begins an export. What it reads is on the ledger as accesses of the one who exports.
   * @throws GatewayError FORBIDDEN for anybody but the patient and a guardian | BUSY | TOO_LARGE
   */
  async begin(actor: Actor, patientId: string): Promise<ExportedRecord> {
    const { records, maxAtOnce } = this.parts;
    const patient = await records.patient(patientId);
    const user = await records.user(actor.userId);
    if (!actsForPatient(patient, user, 'guardian', records.now()).permit) {
      throw new GatewayError('FORBIDDEN', 'Only the patient or a guardian exports a record.', {
        ids: { patient: patientId },
      });
    }
    mustHoldKeys(actor);
    if (this.#underWay >= maxAtOnce) {
      throw new GatewayError('BUSY', 'Too many records are being exported at once.', {
        retry: 'later',
      });
    }
    const archive = new Archive();
    const files = this.#files(actor, patientId, archive);
    return {
      fileName: `prms-record-${patientId}.zip`,
      bytes: this.#counted(archive.stream(files)),
    };
  }

  async *#counted(bytes: Bytes): Bytes {
    this.#underWay++;
    try {
      yield* bytes;
    } finally {
      this.#underWay--;
    }
  }

  async *#files(actor: Actor, patientId: string, archive: Archive): AsyncIterable<ArchiveFile> {
    const { records, ledger } = this.parts;
    yield { name: FILES.readme, content: textFile(README) };
    const reports = new Map<string, ExportedReport>();
    yield* this.#reports(actor, patientId, reports);
    const gatherer = new EvidenceGatherer(records, patientId);
    yield* this.#lists(actor, patientId, gatherer, reports);
    // Last: what is done under the policy while this is written must find the policy that it was done under.
    yield* this.#policy(actor, await records.patient(patientId), gatherer);
    // Only now: its head is above everything that was written so far.
    const evidence = await ledger.evidence();
    yield { name: FILES.operations, content: linesFile(gatherer.proofs(evidence)) };
    yield { name: FILES.chain, content: evidence.chain() };
    yield* this.#manifest(actor, patientId, evidence, archive, [...reports.values()]);
  }

  /** The reports, newest first; each is one access. */
  async *#reports(
    actor: Actor,
    patientId: string,
    told: Map<string, ExportedReport>,
  ): AsyncIterable<ArchiveFile> {
    const { records } = this.parts;
    let number = 0;
    for await (const report of records.all((page) => records.reports(patientId, page))) {
      number++;
      if (number > this.parts.maxReports)
        throw new GatewayError(
          'TOO_LARGE',
          `An export holds at most ${this.parts.maxReports} reports.`,
        );
      const facts = factsOf(report);
      if (report.status === 'erased') {
        told.set(report.id, { ...facts, state: 'erased' });
        continue;
      }
      const opened = await this.#opened(actor, report);
      if ('state' in opened) {
        told.set(report.id, { ...facts, ...opened });
        continue;
      }
      const { access, label, commitmentKey, content } = opened;
      const file = reportFileName(number, label.title, label.mediaType);
      const { title, fileName, mediaType, category, bytes, sha256 } = label;
      yield { name: file, content };
      told.set(report.id, {
        ...facts,
        state: 'included',
        access,
        content: { file, title, fileName, mediaType, category, bytes, sha256, commitmentKey },
      });
    }
  }

  /** The report opened on the record, or what became of it. */
  async #opened(actor: Actor, report: Report): Promise<Opened | NotRead> {
    const { accesses } = this.parts;
    let access: string | undefined;
    try {
      const request = { action: 'download', purpose: 'treatment' } as const;
      const opened = await accesses.open(actor, report.patient, report.id, request);
      access = opened.access;
      return { ...(await accesses.copy(actor, opened.ticket)), access, label: opened.label };
    } catch (error) {
      const state = stateAfter(error);
      if (state === undefined) throw error;
      return access === undefined ? { state } : { state, access };
    }
  }

  async *#policy(
    actor: Actor,
    patient: Patient,
    gatherer: EvidenceGatherer,
  ): AsyncIterable<ArchiveFile> {
    const { consents, kin, care, ...policy } = patient;
    const { details } = await this.parts.files.get(actor, patient.id);
    yield { name: FILES.patient, content: jsonFile({ ...policy, details }) };
    yield { name: FILES.consents, content: jsonFile(consents) };
    yield { name: FILES.kin, content: jsonFile(kin) };
    yield { name: FILES.care, content: jsonFile(care) };
    const shown = canonicalise(patient);
    await gatherer.note('user', '', (document) => canonicalise(document) === shown);
  }

  async *#lists(
    actor: Actor,
    patientId: string,
    gatherer: EvidenceGatherer,
    told: Map<string, ExportedReport>,
  ): AsyncIterable<ArchiveFile> {
    const { records, accessLog, appointments } = this.parts;
    const noted = <T extends Marked>(
      kind: 'report' | 'access' | 'appointment' | 'consultation',
      items: AsyncIterable<T>,
    ) =>
      linesFile(
        passing(items, (item) =>
          gatherer.note(kind, item.id, (document) => isSameVersion(document, item)),
        ),
      );
    const all = records.all.bind(records);
    const reports = all((page) => records.reports(patientId, page));
    const refreshed = passing(reports, (report) => void told.set(report.id, asOfNow(report, told)));
    yield { name: FILES.reports, content: noted('report', refreshed) };
    const accesses = all((page) => accessLog.list(actor, patientId, page));
    yield { name: FILES.accesses, content: noted('access', accesses) };
    const dates = all<Appointment>((page) => appointments.of(actor, patientId, page));
    yield { name: FILES.appointments, content: noted('appointment', dates) };
    // Transcripts first: what was said since its last anchor may be anchored for them.
    yield* this.#transcripts(actor, patientId);
    const consultations = all((page) => records.consultations(patientId, page));
    yield { name: FILES.consultations, content: noted('consultation', consultations) };
  }

  async *#transcripts(actor: Actor, patientId: string): AsyncIterable<ArchiveFile> {
    const { records, transcripts } = this.parts;
    const held: Consultation[] = [];
    for await (const consultation of records.all((page) => records.consultations(patientId, page)))
      held.push(consultation);
    for (const consultation of held) {
      const transcript = await transcripts.of(actor, consultation).catch(onlyThisOne);
      if (transcript === undefined) continue;
      yield { name: `consultations/${consultation.id}.json`, content: jsonFile(transcript) };
    }
  }

  *#manifest(
    actor: Actor,
    patient: string,
    { anchor }: LedgerEvidence,
    archive: Archive,
    reports: readonly ExportedReport[],
  ): Iterable<ArchiveFile> {
    const { records } = this.parts;
    const { kid } = signingEntry(actor);
    const manifest: Manifest = {
      kind: 'PRMS-export',
      v: EXPORT_VERSION,
      ledger: records.channel,
      patient,
      by: actor.userId,
      kid,
      at: records.now(),
      chain: anchor,
      files: [...archive.files],
      reports: [...reports],
    };
    const text = canonicalise(manifest);
    const signature = actor.keys.sign(kid, Buffer.from(exportText(text), 'utf8'));
    yield { name: FILES.manifest, content: textFile(text) };
    const written = Buffer.from(signature).toString('base64url');
    yield { name: FILES.signature, content: textFile(written) };
  }
}

/** Whoever keeps their keys themselves exports by themselves: the gateway could neither open nor sign anything. */
function mustHoldKeys({ keys, userId }: Actor): void {
  if (!keys.elsewhere) return;
  throw new GatewayError(
    'KEYS_ELSEWHERE',
    'This account keeps its keys itself, so this gateway can open nothing for it: open each report, and decrypt ciphertext and wrap where the keys are.',
    { ids: { user: userId } },
  );
}

function factsOf({ id, status, author, anchoredAt, terms }: Report) {
  const { month, commitment } = terms;
  return { id, status, author, month, anchoredAt, locators: [...terms.parts], commitment };
}

/** A report may have changed since it was read, or come since; the list says how it is now, and the manifest must agree. */
function asOfNow(report: Report, told: ReadonlyMap<string, ExportedReport>): ExportedReport {
  const before = told.get(report.id);
  const isHere = before?.content !== undefined;
  const state = report.status === 'erased' && !isHere ? 'erased' : (before?.state ?? 'unavailable');
  return { ...before, ...factsOf(report), state };
}

function isSameVersion(document: unknown, { version }: Marked): boolean {
  return z.looseObject({ version: z.int() }).parse(document).version === version;
}

/** One transcript that can't be made must not keep the rest from its owner; whoever verifies is told that it is missing. */
function onlyThisOne(error: unknown): undefined {
  if (error instanceof GatewayError) return undefined;
  throw error;
}

/** What is said of a report that could not be read; undefined when the export as a whole can't go on. */
function stateAfter(error: unknown): ExportedReport['state'] | undefined {
  if (!(error instanceof GatewayError)) return undefined;
  switch (error.code) {
    case 'REPORT_DAMAGED':
    case 'WRAP_DAMAGED':
      return 'damaged';
    case 'CLOUD_UNAVAILABLE':
    // The access may be applied later; then it is on the record though nothing came of it.
    case 'COMMIT_TIMEOUT':
    case 'BUSY':
      return 'unavailable';
    case 'GONE':
      return 'erased';
    case 'REFUSED':
      return error.options.reason === 'REPORT_WITHDRAWN' ? 'withdrawn' : 'refused';
    default:
      return undefined;
  }
}

async function* passing<T>(
  items: AsyncIterable<T>,
  look: (item: T) => Promise<void> | void,
): AsyncIterable<T> {
  for await (const item of items) {
    await look(item);
    yield item;
  }
}
