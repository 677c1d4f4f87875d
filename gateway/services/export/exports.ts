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
  type ExportedReport,
  type Manifest,
} from '../../export-format/index.js';
import { signingEntry, type Actor } from '../actor.js';
import type { Accesses, AccessLog } from '../accesses/index.js';
import type { Appointments } from '../appointments.js';
import type { OwnReads } from '../own-keys/index.js';
import type { PatientFiles } from '../patient-files.js';
import type { Records } from '../records.js';
import { Archive, jsonFile, linesFile, textFile, type ArchiveFile, type Bytes } from './archive.js';
import { OpenContents, SealedContents, type Contents } from './contents.js';
import { EvidenceGatherer } from './evidence.js';
import { README, SEALED_README } from './readme.js';

export interface ExportedRecord {
  readonly fileName: string;
  readonly bytes: Bytes;
}

type Marked = Marks & { readonly id: string };

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
      readonly ownReads: Pick<OwnReads, 'decided' | 'stored'>;
      readonly accessLog: AccessLog;
      readonly appointments: Pick<Appointments, 'of'>;
      readonly files: Pick<PatientFiles, 'get'>;
      readonly transcripts: Transcripts;
      readonly maxAtOnce: number;
      /** Of reports, in one archive, whose directory counts its files in 16 bits. */
      readonly maxReportFiles: number;
    },
  ) {}

  get underWay(): number {
    return this.#underWay;
  }

  /**
   * Begins an export. What it reads is on the ledger as accesses of the one who exports.
   * @throws GatewayError FORBIDDEN for anybody but the patient and a guardian | KEYS_ELSEWHERE | BUSY | TOO_LARGE
   */
  async begin(actor: Actor, patientId: string): Promise<ExportedRecord> {
    await this.#mustBeForPatient(actor, patientId);
    mustHoldKeys(actor);
    this.#mustHaveRoom();
    return this.#record(actor, patientId, new OpenContents(this.parts.accesses, actor));
  }

  /**
   * Begins an export of what only its owner can open: the reports as they lie in the clouds.
   * @param accessIds of `access:request`s that the ledger has decided, one to each report that is not erased
   * @throws GatewayError FORBIDDEN as `begin` | KEYS_ELSEWHERE when an access is missing | VALIDATION |
   *   NOT_FOUND for one that is unknown, somebody else's or over | BUSY | TOO_LARGE
   */
  async beginSealed(
    actor: Actor,
    patientId: string,
    accessIds: readonly string[],
  ): Promise<ExportedRecord> {
    await this.#mustBeForPatient(actor, patientId);
    this.#mustHaveRoom();
    const asOf = this.parts.records.now();
    this.#underWay++;
    try {
      const accesses = await this.#decided(actor, patientId, accessIds);
      const contents = new SealedContents(this.parts.ownReads, actor, accesses, asOf);
      let files = 0;
      const { records } = this.parts;
      for await (const report of records.all((page) => records.reports(patientId, page))) {
        mustBeAsked(report, accesses);
        files += contents.filesOf(report);
        this.#mustFit(files);
      }
      return this.#record(actor, patientId, contents);
    } finally {
      this.#underWay--;
    }
  }

  async #mustBeForPatient(actor: Actor, patientId: string): Promise<void> {
    const { records } = this.parts;
    const patient = await records.patient(patientId);
    const user = await records.user(actor.userId);
    if (actsForPatient(patient, user, 'guardian', records.now()).permit) return;
    throw new GatewayError('FORBIDDEN', 'Only the patient or a guardian exports a record.', {
      ids: { patient: patientId },
    });
  }

  #mustHaveRoom(): void {
    if (this.#underWay < this.parts.maxAtOnce) return;
    throw new GatewayError('BUSY', 'Too many records are being exported at once.', {
      retry: 'later',
    });
  }

  #mustFit(reportFiles: number): void {
    const { maxReportFiles } = this.parts;
    if (reportFiles <= maxReportFiles) return;
    const message = `An export holds at most ${maxReportFiles} files of reports.`;
    throw new GatewayError('TOO_LARGE', message);
  }

  /** By report, the access under which it goes into the archive. */
  async #decided(
    actor: Actor,
    patientId: string,
    accessIds: readonly string[],
  ): Promise<Map<string, string>> {
    const accesses = new Map<string, string>();
    for (const [at, id] of accessIds.entries()) {
      const { report, action } = await this.parts.ownReads.decided(actor, patientId, id);
      if (report === undefined || action !== 'download') {
        const fields = [{ path: `body.accesses.${at}`, message: 'is no access to download' }];
        throw new GatewayError('VALIDATION', 'An export reads with accesses to download.', {
          fields,
        });
      }
      accesses.set(report, id);
    }
    return accesses;
  }

  #record(actor: Actor, patientId: string, contents: Contents): ExportedRecord {
    const archive = new Archive();
    const sealed = contents.manifest.sealed ? '-sealed' : '';
    return {
      fileName: `prms-record-${patientId}${sealed}.zip`,
      bytes: this.#counted(archive.stream(this.#files(actor, patientId, archive, contents))),
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

  async *#files(
    actor: Actor,
    patientId: string,
    archive: Archive,
    contents: Contents,
  ): AsyncIterable<ArchiveFile> {
    const { records, ledger } = this.parts;
    const readme = contents.manifest.sealed ? SEALED_README : README;
    yield { name: FILES.readme, content: textFile(readme) };
    const reports = new Map<string, ExportedReport>();
    yield* this.#reports(patientId, contents, reports);
    const gatherer = new EvidenceGatherer(records, patientId);
    yield* this.#lists(actor, patientId, gatherer, reports);
    // Last: what is done under the policy while this is written must find the policy that it was done under.
    yield* this.#policy(actor, await records.patient(patientId), gatherer);
    // Only now: its head is above everything that was written so far.
    const evidence = await ledger.evidence();
    yield { name: FILES.operations, content: linesFile(gatherer.proofs(evidence)) };
    yield { name: FILES.chain, content: evidence.chain() };
    const said = { ...contents.manifest, reports: [...reports.values()] };
    yield* this.#manifest(actor, patientId, evidence, archive, said);
  }

  /** The reports, newest first; each is one access. */
  async *#reports(
    patientId: string,
    contents: Contents,
    told: Map<string, ExportedReport>,
  ): AsyncIterable<ArchiveFile> {
    const { records } = this.parts;
    let [number, files] = [0, 0];
    for await (const report of records.all((page) => records.reports(patientId, page))) {
      number++;
      files += contents.filesOf(report);
      this.#mustFit(files);
      const erased = { state: 'erased' } as const;
      const said = report.status === 'erased' ? erased : yield* contents.of(report, number);
      told.set(report.id, { ...factsOf(report), ...said });
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

  /** With the signature of whoever exports, if their key is here; else it is for them to add. */
  async *#manifest(
    actor: Actor,
    patient: string,
    { anchor }: LedgerEvidence,
    archive: Archive,
    said: Pick<Manifest, 'sealed' | 'reports'>,
  ): AsyncIterable<ArchiveFile> {
    const { records } = this.parts;
    const { userId, keys } = actor;
    const { kid } = keys.elsewhere ? await records.user(userId) : signingEntry(actor);
    const manifest: Manifest = {
      kind: 'PRMS-export',
      v: EXPORT_VERSION,
      ledger: records.channel,
      patient,
      by: userId,
      kid,
      at: records.now(),
      chain: anchor,
      files: [...archive.files],
      ...said,
    };
    const text = canonicalise(manifest);
    // Before the manifest goes out: a key that can't sign any more gives no archive that looks whole.
    const signature = keys.elsewhere ? undefined : keys.sign(kid, Buffer.from(exportText(text)));
    yield { name: FILES.manifest, content: textFile(text) };
    if (signature === undefined) return;
    const written = Buffer.from(signature).toString('base64url');
    yield { name: FILES.signature, content: textFile(written) };
  }
}

/** Whoever keeps their keys themselves signs for each report that is read: nobody else can. */
function mustHoldKeys({ keys, userId }: Actor): void {
  if (!keys.elsewhere) return;
  throw new GatewayError(
    'KEYS_ELSEWHERE',
    'This account keeps its keys itself, so this gateway can open nothing for it: sign an access to each report, and ask for the sealed export.',
    { ids: { user: userId } },
  );
}

/** @throws GatewayError KEYS_ELSEWHERE: what is missing is for its owner to sign */
function mustBeAsked(report: Report, accesses: ReadonlyMap<string, string>): void {
  if (report.status === 'erased' || accesses.has(report.id)) return;
  throw new GatewayError(
    'KEYS_ELSEWHERE',
    'A sealed export needs a signed access, action `download`, to each report that is not erased; this one has none.',
    { ids: { report: report.id } },
  );
}

function factsOf({ id, status, author, anchoredAt, terms }: Report) {
  const { month, commitment } = terms;
  return { id, status, author, month, anchoredAt, locators: [...terms.parts], commitment };
}

/** A report may have changed since it was read, or come since; the list says how it is now, and the manifest must agree. */
function asOfNow(report: Report, told: ReadonlyMap<string, ExportedReport>): ExportedReport {
  const before = told.get(report.id);
  const isHere = before?.state === 'included';
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

async function* passing<T>(
  items: AsyncIterable<T>,
  look: (item: T) => Promise<void> | void,
): AsyncIterable<T> {
  for await (const item of items) {
    await look(item);
    yield item;
  }
}
