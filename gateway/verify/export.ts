// `prms verify` of an exported record: from the archive's bytes to the head of the chain, with nothing but the archive.
import { createHash } from 'node:crypto';
import {
  canonicalise,
  hashText,
  isSignedBy,
  kidOf,
  readOperationLine,
  retrace,
  type Retraced,
} from '@prms/chaincode';
import { checkChain, LedgerError, type CheckedChain, type TransactionProof } from '@prms/network';
import { z } from 'zod';
import { transcriptSchema, type Transcript } from '../services/consultations/index.js';
import {
  EXPORT_VERSION,
  exportText,
  FILES,
  manifestSchema,
  type Manifest,
  type ZipEntry,
} from '../export-format/index.js';
import { differences } from './differences.js';
import { NotProven, type Problem, type Verdict, type VerifyOptions } from './findings.js';
import { proveOperations, readProof, type ProvenOperations } from './operations.js';
import { readAs } from './documents.js';
import { wasGuardian } from './guardians.js';
import { CHECKED_FILES, RecordCheck } from './record.js';
import { anchoredTerms, checkReports } from './reports.js';
import { checkWay } from './sealed.js';
import { linesOf } from './lines.js';
import { checkTranscript } from './transcript.js';
import { failed, held, type Proven } from './verdict.js';
import { ExportZip } from './zip.js';

const MiB = 1024 * 1024;
const MAX_MANIFEST_BYTES = 256 * MiB;
const MAX_TRANSCRIPT_BYTES = 256 * MiB;
const MAX_SIGNATURE_BYTES = 1024;
/** Some 300 bytes for each epoch that a vault has had since the report. */
const MAX_WRAPS_BYTES = 16 * MiB;
/** Of a field that is none of ours, in a message. */
const LONGEST_NAME = 200;
/** A proof holds an operation (16 KiB at most) for each line of its transaction that is shown. */
const MAX_LINE_BYTES = 32 * MiB;

/** @throws Error of the file system when the file can't be read; what does not hold is in the verdict */
export async function verifyExport(path: string, options: VerifyOptions): Promise<Verdict> {
  const problems: Problem[] = [];
  let zip: ExportZip | undefined;
  try {
    zip = await ExportZip.open(path);
    return await new Verification(zip, options, problems).run();
  } catch (error) {
    if (!(error instanceof NotProven)) throw error;
    problems.push({ file: error.file, message: error.message });
    return { kind: 'export', ok: false, problems, proven: [], notProven: [], facts: {} };
  } finally {
    await zip?.close();
  }
}

class Verification {
  /** Consultations without a transcript in the archive. */
  readonly #missing: string[] = [];

  constructor(
    private readonly zip: ExportZip,
    private readonly options: VerifyOptions,
    private readonly problems: Problem[],
  ) {}

  async run(): Promise<Verdict> {
    const { manifest, text } = await this.#manifest();
    await this.#checkFiles(manifest);
    // What is damaged has been named; nothing is concluded from it.
    if (this.problems.length > 0) return this.#verdict(manifest);
    const proofs = await this.#proofs();
    const chain = await this.#chain(manifest, proofs);
    const operations = proveOperations(proofs, manifest.ledger, chain.dataHashes);
    let signed = false;
    await this.#attempt(async () => {
      signed = await this.#checkSignature(manifest, text, operations);
    });
    const record = await this.#retraced(manifest, operations);
    await this.#attempt(() => {
      checkReports(manifest, operations, record);
    });
    await this.#checkWays(manifest, operations);
    const documents = await this.#checkRecord(record);
    this.#noteMissingTranscripts(record);
    const transcripts = await this.#checkTranscripts(manifest, operations);
    return this.#verdict(manifest, {
      chain,
      signed,
      operations,
      record,
      documents,
      transcripts,
    });
  }

  async #manifest(): Promise<{ manifest: Manifest; text: string }> {
    const entry = this.#entry(FILES.manifest);
    const text = (await this.zip.whole(entry, MAX_MANIFEST_BYTES)).toString('utf8');
    const value = parseCanonical(text, FILES.manifest);
    mustBePresentVersion(value);
    const manifest = readAs(manifestSchema, value, { file: FILES.manifest, what: 'it' });
    return { manifest, text };
  }

  /** The archive holds exactly what the manifest names, in its order, and each file is what it says. */
  async #checkFiles(manifest: Manifest): Promise<void> {
    const { files } = manifest;
    const signature = this.#mayBeUnsigned(manifest) ? [] : [FILES.signature];
    const named = [...files.map(({ name }) => name), FILES.manifest, ...signature];
    const held = this.zip.entries.map(({ name }) => name);
    const [wanted, present] = [new Set(named), new Set(held)];
    const surplus = held.find((name) => !wanted.has(name));
    if (surplus !== undefined) throw new NotProven(surplus, 'is not in the manifest');
    const missing = named.find((name) => !present.has(name));
    if (missing !== undefined) throw new NotProven(missing, 'is missing from the archive');
    const moved = named.findIndex((name, at) => held[at] !== name);
    if (moved >= 0) throw new NotProven(named[moved] ?? '', 'is not in its place in the archive');
    for (const { name, bytes, sha256 } of files) {
      await this.#attempt(async () => {
        const entry = this.#entry(name);
        if (entry.size !== bytes)
          throw new NotProven(name, 'has another size than the manifest says');
        if ((await this.#hashOf(entry)) !== sha256) {
          throw new NotProven(name, 'is not what the manifest says: its SHA-256 is another one');
        }
      });
    }
  }

  /** Whoever keeps their keys adds the signature themselves. */
  #mayBeUnsigned({ sealed }: Manifest): boolean {
    return sealed?.reason === 'KEYS_ELSEWHERE' && !this.zip.entry(FILES.signature);
  }

  async #hashOf(entry: ZipEntry): Promise<string> {
    const hash = createHash('sha256');
    for await (const piece of this.zip.content(entry)) hash.update(piece);
    return hash.digest('hex');
  }

  async #proofs(): Promise<TransactionProof[]> {
    const proofs: TransactionProof[] = [];
    for await (const value of this.#documents(FILES.operations)) proofs.push(readProof(value));
    return proofs;
  }

  async #chain(manifest: Manifest, proofs: readonly TransactionProof[]): Promise<CheckedChain> {
    const keep = new Set(proofs.map(({ block }) => block));
    const content = this.zip.content(this.#entry(FILES.chain));
    try {
      const { expect } = this.options;
      const chain = await checkChain(manifest.chain, content, { keep, expect });
      if (chain.channel === manifest.ledger) return chain;
      throw new NotProven(FILES.manifest, `names the ledger ${manifest.ledger}, the chain another`);
    } catch (error) {
      if (error instanceof LedgerError) throw new NotProven(FILES.chain, error.message);
      throw error;
    }
  }

  /** @returns whether there is one */
  async #checkSignature(
    manifest: Manifest,
    text: string,
    { keys }: ProvenOperations,
  ): Promise<boolean> {
    const { by, kid } = manifest;
    const file = FILES.signature;
    const publicKey = keys.get(by);
    if (publicKey === undefined || kidOf(publicKey) !== kid) {
      throw new NotProven(FILES.manifest, 'names a key that the evidence does not lead to');
    }
    if (this.#mayBeUnsigned(manifest)) return false;
    const signature = (await this.zip.whole(this.#entry(file), MAX_SIGNATURE_BYTES)).toString();
    const canonical = Buffer.from(signature, 'base64url').toString('base64url') === signature;
    if (!canonical || !isSignedBy({ publicKey, text: exportText(text), signature })) {
      throw new NotProven(file, 'is no signature of whoever exported over this manifest');
    }
    return true;
  }

  /** The record, as the operations leave it. */
  async #retraced(manifest: Manifest, proven: ProvenOperations): Promise<Retraced> {
    const { genesis, applied } = proven;
    const record = await retrace([...applied.values()], { genesis, patient: manifest.patient });
    await this.#attempt(() => {
      checkFooting(record, manifest, proven);
    });
    return record;
  }

  /** The wraps on the way to each sealed report's key. */
  async #checkWays(manifest: Manifest, { applied }: ProvenOperations): Promise<void> {
    for (const report of manifest.reports) {
      const anchor = applied.get(report.id)?.envelope;
      const terms = anchor && anchoredTerms(anchor)?.report;
      // Else it has been said already.
      if (!report.sealed || !terms) continue;
      const { wraps } = report.sealed;
      await this.#attempt(async () => {
        const entry = this.#entry(wraps);
        const text = (await this.zip.whole(entry, MAX_WRAPS_BYTES)).toString('utf8').trimEnd();
        const bound = { ...manifest, epoch: terms.epoch };
        checkWay(parseCanonical(text, wraps), wraps, report, bound);
      });
    }
  }

  async #checkRecord(record: Retraced): Promise<number> {
    let documents = 0;
    for (const file of CHECKED_FILES) {
      const check = new RecordCheck(file, record);
      await this.#attempt(async () => {
        for await (const line of this.#documents(file))
          for (const document of check.documentsOf(line))
            await this.#attempt(() => {
              check.check(document);
            });
      });
      for (const id of check.leftOut())
        this.problems.push({ file, message: `leaves out ${id}, which operations shown here made` });
      documents += check.count;
    }
    return documents;
  }

  #noteMissingTranscripts({ consultations }: Retraced): void {
    for (const id of consultations.keys())
      if (!this.zip.entry(`consultations/${id}.json`)) this.#missing.push(id);
  }

  /** Each proves itself; here it is also of this patient, and hangs on operations that the evidence proves. */
  async #checkTranscripts(
    { ledger, patient }: Manifest,
    { applied }: ProvenOperations,
  ): Promise<number> {
    const entries = this.zip.entries.filter(({ name }) => name.startsWith('consultations/'));
    for (const entry of entries) {
      await this.#attempt(async () => {
        const text = (await this.zip.whole(entry, MAX_TRANSCRIPT_BYTES)).toString('utf8');
        const transcript = readTranscript(text, entry.name);
        const { consultation, anchors } = transcript;
        const named = entry.name === `consultations/${consultation.id}.json`;
        if (!named || transcript.ledger !== ledger || consultation.patient !== patient) {
          throw new NotProven(entry.name, 'is the transcript of another consultation');
        }
        for (const line of anchors.flatMap(({ proof }) => proof.lines)) {
          const signed = readOperationLine(line.line);
          if (!signed || applied.get(signed.envelope.id)?.hash !== hashText(signed.bytes))
            throw new NotProven(entry.name, 'is anchored by an operation that is not shown here');
        }
        const { problems } = await checkTranscript(transcript, { expect: [] });
        for (const { file, message } of problems)
          this.problems.push({ file: entry.name, message: `${file}: ${message}` });
      });
    }
    return entries.length;
  }

  /** Canonical JSON, one document a line. */
  async *#documents(file: string): AsyncIterable<unknown> {
    const lines = linesOf(this.zip.content(this.#entry(file)), file, MAX_LINE_BYTES);
    for await (const line of lines) yield parseCanonical(line, file);
  }

  #entry(name: string): ZipEntry {
    const entry = this.zip.entry(name);
    if (entry) return entry;
    throw new NotProven(name, 'is missing from the archive');
  }

  async #attempt(check: () => void | Promise<void>): Promise<void> {
    try {
      await check();
    } catch (error) {
      if (!(error instanceof NotProven)) throw error;
      this.problems.push({ file: error.file, message: error.message });
    }
  }

  #verdict(manifest: Manifest, proven?: Proven): Verdict {
    const { problems, options } = this;
    if (proven === undefined || problems.length > 0) return failed(manifest, problems);
    return held(manifest, proven, { options, missingTranscripts: this.#missing });
  }
}

/**
 * An archive of version 1 does not show how the ledger was founded, so nothing could be worked out from it.
 * @throws NotProven
 */
function mustBePresentVersion(manifest: unknown): void {
  const read = z.looseObject({ kind: z.literal('PRMS-export'), v: z.int() }).safeParse(manifest);
  if (!read.success || read.data.v === EXPORT_VERSION) return;
  throw new NotProven(
    FILES.manifest,
    `is of version ${read.data.v} of the export format, and this command reads version ${EXPORT_VERSION} alone: export the record again`,
  );
}

/** The operations follow from each other, and whoever exported had a right to. @throws NotProven */
function checkFooting(
  { broken, patient }: Retraced,
  manifest: Manifest,
  proven: ProvenOperations,
): void {
  if (broken) {
    const { id, code } = broken;
    const message = `operation ${id} does not follow from those that are shown before it: ${code}`;
    throw new NotProven(FILES.operations, message);
  }
  if (!patient) throw new NotProven(FILES.operations, 'does not show how the patient came to be');
  if (manifest.by !== patient.id && !wasGuardian(manifest, proven))
    throw new NotProven(FILES.manifest, 'was signed by somebody who was never a guardian');
}

/** @throws NotProven for fields that no transcript has, too */
function readTranscript(text: string, file: string): Transcript {
  const value = parseCanonical(text.trimEnd(), file);
  const transcript = readAs(transcriptSchema, value, { file, what: 'the transcript' });
  const [more] = differences(value, transcript);
  if (more === undefined) return transcript;
  throw new NotProven(
    file,
    `no transcript has a field ${JSON.stringify(more.slice(0, LONGEST_NAME))}`,
  );
}

function parseCanonical(text: string, file: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (canonicalise(value) === text) return value;
  } catch {
    // Said below.
  }
  throw new NotProven(file, 'is not canonical JSON');
}
