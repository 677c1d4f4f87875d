// The verdict on an exported record, in words and figures.
import type { Retraced } from '@prms/chaincode';
import type { CheckedChain } from '@prms/network';
import { FILES, type Manifest } from '../export-format/index.js';
import type { Problem, Verdict, VerifyOptions } from './findings.js';
import { isGuardian } from './guardians.js';
import type { ProvenOperations } from './operations.js';
import { NOT_SAID } from './record.js';

/** What was found to hold. */
export interface Proven {
  readonly chain: CheckedChain;
  /** By whoever exported; a sealed export may wait for that. */
  readonly signed: boolean;
  readonly operations: ProvenOperations;
  readonly record: Retraced;
  readonly documents: number;
  readonly transcripts: number;
}

export function failed(manifest: Manifest, problems: readonly Problem[]): Verdict {
  const notProven = missingIn(manifest);
  return { kind: 'export', ok: false, problems, proven: [], notProven, facts: {} };
}

export function held(
  manifest: Manifest,
  { chain, signed, operations, record, documents, transcripts }: Proven,
  more: { readonly options: VerifyOptions; readonly missingTranscripts: readonly string[] },
): Verdict {
  const { height, headHash } = manifest.chain;
  const included = manifest.reports.filter(({ state }) => state === 'included').length;
  const whose = manifest.by === manifest.patient ? ', the patient' : ', for the patient';
  return {
    kind: 'export',
    ok: true,
    problems: [],
    proven: [
      `${counted(manifest.files.length, 'file')}, each with the SHA-256 and size that the manifest names`,
      ...(signed ? [`the manifest, signed by ${manifest.by}${whose}`] : []),
      manifest.sealed
        ? `${counted(included, 'report')}, sealed: each picture, ciphertext and label the one whose SHA-256 its author anchored, read on the record, with the wraps that lead to its key`
        : `${counted(included, 'report')}, each the one that its author anchored (commitment), read on the record`,
      `${counted(operations.applied.size, 'operation')}, signed by ${operations.keys.size === 1 ? "1 person's own keys" : `${operations.keys.size} people's own keys`} and applied by the ledger`,
      `${counted(documents, 'entry', 'entries')} of the record, each field what the ledger's rules make of those operations, but for the fields that are named below; none that they make is left out`,
      `${counted(transcripts, 'transcript')} of consultations, each a chain as far as it was anchored`,
      `${counted(height, 'block')} of ${chain.channel}, chained up to ${height - 1}:${headHash}, signed by the node`,
    ],
    notProven: [
      ...missingIn(manifest),
      ...unseen(manifest, signed, included),
      ...more.missingTranscripts.map(withoutTranscript),
      ...claims(manifest),
      ...guardianThen(manifest, record),
      ...limits(manifest, more.options, operations),
    ],
    facts: {
      ledger: chain.channel,
      patient: manifest.patient,
      by: manifest.by,
      at: manifest.at,
      height,
      headHash,
      genesisHash: chain.genesisHash,
      files: manifest.files.length,
      reports: manifest.reports.length,
      included,
      operations: operations.applied.size,
      documents,
      transcripts,
      ...(manifest.sealed && { sealed: included }),
    },
  };
}

const OF_LABELS = ['title', 'fileName', 'mediaType', 'category'];

/** What is only said, by whoever signed the manifest. */
const claims = ({ sealed }: Manifest): string[] =>
  [...NOT_SAID, ...(sealed ? [] : [{ file: FILES.manifest, fields: OF_LABELS }])].map(
    ({ file, fields }) => `${file}: no operation says ${fields.join(', ')}`,
  );

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** What only keys that are not here could show. */
function unseen({ sealed, by }: Manifest, signed: boolean, included: number): string[] {
  const reports = sealed
    ? [
        `What is in the ${counted(included, 'report')}: sealed, so the plaintext and the titles were not checked; only whoever holds the keys of ${by} can open the wraps, and them.`,
      ]
    : [];
  const signature = signed
    ? []
    : [
        `That ${by} stands by this file, and that the wraps are those that were stored: the manifest is not signed, because their key is not at the gateway; they can add the signature.`,
      ];
  return [...reports, ...signature];
}

const withoutTranscript = (id: string): string =>
  `what was said in consultation ${id}: its transcript is not in the archive`;

function missingIn({ reports }: Manifest): string[] {
  return reports.flatMap(({ id, state }) =>
    state === 'included' ? [] : [`report ${id} is not in the archive: it is ${state}`],
  );
}

function limits(
  { chain: { height, headHash } }: Manifest,
  { expect }: VerifyOptions,
  { rekeyed }: ProvenOperations,
): string[] {
  const lines = [
    'That nothing else exists: what is here is on the chain, and whoever exported signed that it is all; the chain can’t show that there is no more.',
    'That the ledger kept its own rules: it says “applied”, and `prms ledger verify` on the ledger itself shows whether it was right to.',
  ];
  if (expect.length === 0) {
    lines.push(
      `That this is the chain which others see: it is one node's. Note ${height - 1}:${headHash}, or give an earlier note with --expect.`,
    );
  }
  for (const user of rekeyed)
    lines.push(`That ${user} holds their key: two hospitals replaced it.`);
  return lines;
}

/** What becomes of a guardian while an export is written, or before a false one is signed, its own clock can't settle. */
function guardianThen(manifest: Manifest, { patient }: Retraced): string[] {
  const { by } = manifest;
  if (by === manifest.patient || (patient && isGuardian(manifest, patient))) return [];
  return [
    `That ${by} was still a guardian when they exported: they had been named one, and by the end of what is shown they are none.`,
  ];
}
