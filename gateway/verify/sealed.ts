// The reports of a sealed export: what lay in the clouds, against the hashes that their authors anchored, and the wraps that
// lead whoever exported to their keys. What is in either only that person can see.
import type { ReportTerms } from '@prms/chaincode';
import {
  sealedWrapsSchema,
  type ExportedReport,
  type Manifest,
  type ManifestFile,
} from '../export-format/index.js';
import { readAs } from './documents.js';
import { NotProven } from './findings.js';
import { same } from './operations.js';

/** @throws NotProven when a file holds something else than was anchored */
export function checkSealedFiles(
  { id, sealed }: ExportedReport,
  { parts, label }: ReportTerms,
  files: ReadonlyMap<string, ManifestFile>,
): void {
  if (!sealed) return;
  const anchored = [...parts, label];
  const names = [...sealed.parts, sealed.label];
  if (names.length !== anchored.length)
    throw new NotProven(sealed.parts[0] ?? '', `report ${id} was anchored in other parts`);
  for (const [at, name] of names.entries()) {
    const held = files.get(name)?.sha256;
    const found = held === undefined ? undefined : Buffer.from(held, 'hex').toString('base64url');
    if (found !== anchored[at]?.sha256)
      throw new NotProven(
        name,
        `is not what report ${id}'s author anchored: its SHA-256 is another`,
      );
  }
  if (!files.has(sealed.wraps))
    throw new NotProven(sealed.wraps, `the wraps of report ${id}'s key are missing`);
}

/**
 * The wraps are those that lead from the exporter's key over the vault's epochs to the report's. That they open, and what,
 * is not seen.
 * @param epoch in which the report was added
 * @throws NotProven
 */
export function checkWay(
  value: unknown,
  file: string,
  report: Pick<ExportedReport, 'id'>,
  { epoch, patient, by }: Pick<Manifest, 'patient' | 'by'> & { readonly epoch: number },
): void {
  const { wraps, report: named } = readAs(sealedWrapsSchema, value, { file, what: 'it' });
  const lie = (what: string): never => {
    throw new NotProven(file, what);
  };
  if (named !== report.id) lie(`is not of report ${report.id}`);
  const [first, ...steps] = wraps;
  const [of, number = '', kid] = first?.subject.split('.') ?? [];
  if (first?.purpose !== 'epoch' || of !== patient || !/^[1-9][0-9]{0,8}$/.test(number))
    lie('does not begin with the vault’s key');
  if (first?.recipient !== by) lie('begins with a wrap for somebody else');
  // The present epoch's key opens the one before, and so on back to the report's, which opens the report's key.
  const back = Number(number) - epoch;
  if (steps.length !== back + 1) lie('does not lead to the report’s key: a step is missing');
  for (const [at, { purpose, subject, recipient }] of steps.entries()) {
    const wanted =
      at < back ? ['epoch', `${patient}.${Number(number) - 1 - at}`] : ['report', report.id];
    if (!same([purpose, subject, recipient], [...wanted, patient]))
      lie('has a step that leads elsewhere');
  }
  if (steps[0]?.kid !== kid) lie('does not go on with the key that it begins with');
}
