// `prms verify` of an exported record: from the archive's bytes to the head of the chain, with nothing but the archive.
import { createHash } from 'node:crypto';
import { canonicalise, hashText, isSignedBy, kidOf, readOperationLine } from '@prms/chaincode';
import { checkChain, LedgerError, type CheckedChain, type TransactionProof } from '@prms/network';
import { z } from 'zod';
import { transcriptSchema } from '../services/consultations/index.js';
import {
  exportText,
  FILES,
  manifestSchema,
  type Manifest,
  type ZipEntry,
} from '../export-format/index.js';
import { NotProven, type Problem, type Verdict, type VerifyOptions } from './findings.js';
import { proveOperations, readProof, type ProvenOperations } from './operations.js';
import { CHECKED_FILES, checkDocument, notComparedIn } from './record.js';
import { checkReports } from './reports.js';
import { linesOf } from './lines.js';
import { checkTranscript } from './transcript.js';
import { ExportZip } from './zip.js';

const MiB = 1024 * 1024;
const MAX_MANIFEST_BYTES = 256 * MiB;
const MAX_TRANSCRIPT_BYTES = 256 * MiB;
const MAX_SIGNATURE_BYTES = 1024;
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
  /** By file, the fields of its documents that no operation was held against. */
  readonly #notCompared = new Map<string, Set<string>>();
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
    await this.#checkSignature(manifest, text, operations);
    await this.#attempt(() => {
      checkReports(manifest, operations);
    });
    const documents = await this.#checkRecord(operations);
    await this.#noteMissingTranscripts();
    const transcripts = await this.#checkTranscripts(manifest, operations);
    return this.#verdict(manifest, { chain, operations, documents, transcripts });
  }

  async #manifest(): Promise<{ manifest: Manifest; text: string }> {
    const entry = this.#entry(FILES.manifest);
    const text = (await this.zip.whole(entry, MAX_MANIFEST_BYTES)).toString('utf8');
    const value = parseCanonical(text, FILES.manifest);
    const read = manifestSchema.safeParse(value);
    if (!read.success) throw new NotProven(FILES.manifest, 'is no manifest of an export');
    return { manifest: read.data, text };
  }

  /** The archive holds exactly what the manifest names, in its order, and each file is what it says. */
  async #checkFiles({ files }: Manifest): Promise<void> {
    const named = [...files.map(({ name }) => name), FILES.manifest, FILES.signature];
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

  async #checkSignature(
    { by, kid }: Manifest,
    text: string,
    { keys }: ProvenOperations,
  ): Promise<void> {
    const file = FILES.signature;
    const signature = (await this.zip.whole(this.#entry(file), MAX_SIGNATURE_BYTES)).toString();
    const publicKey = keys.get(by);
    if (publicKey === undefined || kidOf(publicKey) !== kid) {
      throw new NotProven(FILES.manifest, 'names a key that the evidence does not lead to');
    }
    const canonical = Buffer.from(signature, 'base64url').toString('base64url') === signature;
    if (!canonical || !isSignedBy({ publicKey, text: exportText(text), signature })) {
      throw new NotProven(file, 'is no signature of whoever exported over this manifest');
    }
  }

  async #checkRecord(operations: ProvenOperations): Promise<number> {
    let documents = 0;
    for (const file of CHECKED_FILES) {
      for await (const value of this.#documents(file)) {
        for (const document of file.endsWith('.json') && Array.isArray(value) ? value : [value]) {
          documents++;
          const fields = this.#notCompared.get(file) ?? new Set();
          this.#notCompared.set(file, fields);
          for (const field of notComparedIn(file, document)) fields.add(field);
          await this.#attempt(() => {
            checkDocument(file, document, operations);
          });
        }
      }
    }
    return documents;
  }

  async #noteMissingTranscripts(): Promise<void> {
    for await (const value of this.#documents(FILES.consultations)) {
      const id = z.looseObject({ id: z.string() }).safeParse(value).data?.id ?? '?';
      if (!this.zip.entry(`consultations/${id}.json`)) this.#missing.push(id);
    }
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
        const read = transcriptSchema.safeParse(parseCanonical(text.trimEnd(), entry.name));
        if (!read.success) throw new NotProven(entry.name, 'is no transcript');
        const { consultation, anchors } = read.data;
        const named = entry.name === `consultations/${consultation.id}.json`;
        if (!named || read.data.ledger !== ledger || consultation.patient !== patient) {
          throw new NotProven(entry.name, 'is the transcript of another consultation');
        }
        for (const line of anchors.flatMap(({ proof }) => proof.lines)) {
          const signed = readOperationLine(line.line);
          if (!signed || applied.get(signed.envelope.id)?.hash !== hashText(signed.bytes))
            throw new NotProven(entry.name, 'is anchored by an operation that is not shown here');
        }
        const { problems } = await checkTranscript(read.data, { expect: [] });
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

  /** What is only said, by whoever signed the manifest. */
  #claims(): string[] {
    return [...this.#notCompared].flatMap(([file, names]) =>
      names.size === 0
        ? []
        : [`${file}: no operation was held against ${[...names].sort().join(', ')}`],
    );
  }

  #verdict(
    manifest: Manifest,
    proven?: {
      readonly chain: CheckedChain;
      readonly operations: ProvenOperations;
      readonly documents: number;
      readonly transcripts: number;
    },
  ): Verdict {
    const ok = this.problems.length === 0 && proven !== undefined;
    const { problems } = this;
    const missing = missingIn(manifest);
    if (!ok) {
      return { kind: 'export', ok, problems, proven: [], notProven: missing, facts: {} };
    }
    const { chain, operations, documents, transcripts } = proven;
    const { height, headHash } = manifest.chain;
    const included = manifest.reports.filter(({ state }) => state === 'included').length;
    return {
      kind: 'export',
      ok,
      problems,
      proven: [
        `${counted(manifest.files.length, 'file')}, each with the SHA-256 and size that the manifest names`,
        `the manifest, signed by ${manifest.by}${manifest.by === manifest.patient ? ', the patient' : ', for the patient'}`,
        `${counted(included, 'report')}, each the one that its author anchored (commitment), read on the record`,
        `${counted(operations.applied.size, 'operation')}, signed by ${operations.keys.size === 1 ? "1 person's own keys" : `${operations.keys.size} people's own keys`} and applied by the ledger`,
        `${counted(documents, 'entry', 'entries')} of the record, made and changed last by those operations; of what the entries say, only the fields that are not named below`,
        `${counted(transcripts, 'transcript')} of consultations, each a chain as far as it was anchored`,
        `${counted(height, 'block')} of ${chain.channel}, chained up to ${height - 1}:${headHash}, signed by the node`,
      ],
      notProven: [
        ...missing,
        ...this.#missing.map(withoutTranscript),
        ...this.#claims(),
        ...limits(manifest, this.options, operations),
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
      },
    };
  }
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
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

function parseCanonical(text: string, file: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (canonicalise(value) === text) return value;
  } catch {
    // Said below.
  }
  throw new NotProven(file, 'is not canonical JSON');
}
