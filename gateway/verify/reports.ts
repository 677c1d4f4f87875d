// The reports that the manifest names, against the operations that anchored, withdrew and erased them.
import type { Retraced } from '@prms/chaincode';
import { commitmentUnder } from '../vault/index.js';
import { FILES, type ExportedReport, type Manifest } from '../export-format/index.js';
import { NotProven } from './findings.js';
import { argumentsOf, same, type ProvenOperation, type ProvenOperations } from './operations.js';

const FILE = FILES.manifest;

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
    checkReport(report, manifest, operations);
    checkNow(report, record);
    if (report.content === undefined) continue;
    const { file, bytes, sha256 } = report.content;
    const held = files.get(file);
    if (held?.sha256 !== sha256 || held.bytes !== bytes || used.has(file)) {
      throw new NotProven(file, `is not the content of report ${report.id}`);
    }
    used.add(file);
  }
  const stray = manifest.files.find(({ name }) => name.startsWith('reports/') && !used.has(name));
  if (stray) throw new NotProven(stray.name, 'belongs to no report');
  for (const { envelope } of operations.applied.values()) {
    const anchors = envelope.type === 'report:anchor' || envelope.type === 'report:supersede';
    if (anchors && envelope.args['patient'] === manifest.patient && !told.has(envelope.id)) {
      throw new NotProven(FILE, `leaves out report ${envelope.id}, which the ledger has`);
    }
  }
}

function checkReport(
  report: ExportedReport,
  { patient, by }: Manifest,
  operations: ProvenOperations,
): void {
  const { id, state, content } = report;
  const lie = (what: string): never => {
    throw new NotProven(content?.file ?? FILE, `report ${id} ${what}`);
  };
  const anchor = operations.applied.get(id)?.envelope;
  const args =
    anchor && (argumentsOf('report:anchor', anchor) ?? argumentsOf('report:supersede', anchor));
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
  if ((state === 'included') !== (content !== undefined)) lie('is said to be here and is not');
  if (!content) return;
  const key = Buffer.from(content.commitmentKey, 'base64url');
  const found = commitmentUnder(key, id, Buffer.from(content.sha256, 'hex'));
  if (Buffer.from(found).toString('base64url') !== report.commitment) {
    lie('is not the one that was anchored: the commitment does not fit');
  }
  if (!wasRead(report, by, operations)) lie('was not read on the record');
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
