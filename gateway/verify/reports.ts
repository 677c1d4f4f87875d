// The reports that the manifest names, against the operations that anchored, withdrew and erased them.
import type { Envelope, ReportTerms, Retraced } from '@prms/chaincode';
import { commitmentUnder } from '../vault/index.js';
import {
  FILES,
  type ExportedReport,
  type Manifest,
  type ManifestFile,
} from '../export-format/index.js';
import { NotProven } from './findings.js';
import { argumentsOf, same, type ProvenOperation, type ProvenOperations } from './operations.js';
import { checkSealedFiles } from './sealed.js';

const FILE = FILES.manifest;
const OF_REPORTS = /^(?:reports|sealed)\//;

/** @throws NotProven at the first that does not hold */
export function checkReports(
  manifest: Manifest,
  operations: ProvenOperations,
  record: Retraced,
): void {
  const files = new Map(manifest.files.map((file) => [file.name, file]));
  const told = new Set<string>();
  const used = new Set<string>();
  for (const report of manifest.reports) {
    if (told.has(report.id)) throw new NotProven(FILE, `names report ${report.id} twice`);
    told.add(report.id);
    checkReport(report, manifest, operations, files);
    checkNow(report, record);
    for (const file of filesOf(report)) {
      if (used.has(file)) throw new NotProven(file, `is not of report ${report.id} alone`);
      used.add(file);
    }
  }
  const stray = manifest.files.find(({ name }) => OF_REPORTS.test(name) && !used.has(name));
  if (stray) throw new NotProven(stray.name, 'belongs to no report');
  for (const { envelope } of operations.applied.values()) {
    const anchors = envelope.type === 'report:anchor' || envelope.type === 'report:supersede';
    if (anchors && envelope.args['patient'] === manifest.patient && !told.has(envelope.id)) {
      throw new NotProven(FILE, `leaves out report ${envelope.id}, which the ledger has`);
    }
  }
}

/** What its author signed of a report. */
export function anchoredTerms(
  anchor: Envelope,
): { patient: string; report: ReportTerms } | undefined {
  return argumentsOf('report:anchor', anchor) ?? argumentsOf('report:supersede', anchor);
}

const filesOf = ({ content, sealed }: ExportedReport): string[] => [
  ...(content ? [content.file] : []),
  ...(sealed ? [...sealed.parts, sealed.label, sealed.wraps] : []),
];

function checkReport(
  report: ExportedReport,
  { patient, by, sealed }: Manifest,
  operations: ProvenOperations,
  files: ReadonlyMap<string, ManifestFile>,
): void {
  const { id, state, content } = report;
  const lie = (what: string): never => {
    throw new NotProven(content?.file ?? FILE, `report ${id} ${what}`);
  };
  const anchor = operations.applied.get(id)?.envelope;
  const args = anchor && anchoredTerms(anchor);
  if (!anchor || !args) return lie('was not anchored by an operation shown here');
  const facts = [args.patient, anchor.actor, args.report.month, args.report.commitment];
  if (!same(facts, [patient, report.author, report.month, report.commitment])) {
    lie('is not what its author anchored');
  }
  if (!same(args.report.parts, report.locators)) lie('names other places than were anchored');
  const erased = hasEnded('report:erase', id, operations);
  if (state === 'erased' && !erased) lie('was not erased');
  // What is here was read before: the ledger permits no read afterwards.
  if (erased && state !== 'erased' && state !== 'included') lie('was erased');
  const [here, other] = sealed ? [report.sealed, content] : [content, report.sealed];
  if ((state === 'included') !== (here !== undefined)) lie('is said to be here and is not');
  if (other) lie('is sealed, or not, unlike the others');
  checkSealedFiles(report, args.report, files);
  if (content) checkContent(report, content, files);
  if (here && !wasRead(report, by, operations)) lie('was not read on the record');
}

/** A report in clear is the one that its author committed to. */
function checkContent(
  { id, commitment }: ExportedReport,
  { file, bytes, sha256, commitmentKey }: NonNullable<ExportedReport['content']>,
  files: ReadonlyMap<string, ManifestFile>,
): void {
  const held = files.get(file);
  if (held?.sha256 !== sha256 || held.bytes !== bytes)
    throw new NotProven(file, `is not the content of report ${id}`);
  const key = Buffer.from(commitmentKey, 'base64url');
  const found = commitmentUnder(key, id, Buffer.from(sha256, 'hex'));
  if (Buffer.from(found).toString('base64url') !== commitment) {
    const what = 'is not the one that was anchored: the commitment does not fit';
    throw new NotProven(file, `report ${id} ${what}`);
  }
}

/** What the manifest says of a report is what the ledger has of it by now. */
function checkNow(report: ExportedReport, { reports }: Retraced): void {
  const { id, state, status, anchoredAt } = report;
  const made = reports.get(id);
  const lie = (what: string): never => {
    throw new NotProven(FILE, `report ${id} ${what}`);
  };
  if (made?.status !== status) lie('has another status than the operations gave it');
  if (made?.anchoredAt !== anchoredAt) lie('was anchored at another time');
  if (state === 'withdrawn' && status !== 'withdrawn') lie('was not withdrawn');
}

function wasRead(
  { id, access }: ExportedReport,
  by: string,
  { applied }: ProvenOperations,
): boolean {
  const read: ProvenOperation | undefined = access === undefined ? undefined : applied.get(access);
  const asked = read && argumentsOf('access:request', read.envelope);
  return (
    asked?.report === id &&
    read?.envelope.actor === by &&
    read.receipt.outcome?.decision === 'permit'
  );
}

function hasEnded(type: string, id: string, { applied }: ProvenOperations): boolean {
  return [...applied.values()].some(
    ({ envelope }) => envelope.type === type && envelope.args['id'] === id,
  );
}
