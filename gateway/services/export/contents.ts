// How a report comes into an export: in clear, for those whose keys this gateway holds while they are logged in, or as it
// lies in the clouds, for those who keep their keys themselves.
import type { Report } from '@prms/chaincode';
import { GatewayError } from '../../errors.js';
import {
  reportFileName,
  sealedFileNames,
  type ExportedReport,
  type Manifest,
} from '../../export-format/index.js';
import type { Accesses } from '../accesses/index.js';
import type { Actor } from '../actor.js';
import type { ClientWrap, OwnReads, StoredReport } from '../own-keys/index.js';
import type { Label } from '../reports/index.js';
import { bytesFile, jsonFile, type ArchiveFile, type Bytes } from './archive.js';

/** What is said of a report, besides what the ledger has of it. */
export type Told = Pick<ExportedReport, 'state' | 'access' | 'content' | 'sealed'>;

export interface Contents {
  /** What the manifest says of the whole. */
  readonly manifest: Pick<Manifest, 'sealed'>;
  /** How many files it makes of a report at most. */
  filesOf(report: Report): number;
  /** A report's files, read on the record; when it can't be read, none. */
  of(report: Report, number: number): AsyncGenerator<ArchiveFile, Told, undefined>;
}

interface Opened {
  readonly access: string;
  readonly label: Label;
  readonly commitmentKey: string;
  readonly content: Bytes;
}

/** Each report opened for the one who exports: an access that this gateway signs with their key. */
export class OpenContents implements Contents {
  readonly manifest = {};

  constructor(
    private readonly accesses: Pick<Accesses, 'open' | 'copy'>,
    private readonly actor: Actor,
  ) {}

  filesOf(): number {
    return 1;
  }

  async *of(report: Report, number: number): AsyncGenerator<ArchiveFile, Told, undefined> {
    const opened = await this.#opened(report);
    if ('state' in opened) return opened;
    const { access, label, commitmentKey, content } = opened;
    const file = reportFileName(number, label.title, label.mediaType);
    const { title, fileName, mediaType, category, bytes, sha256 } = label;
    yield { name: file, content };
    return {
      state: 'included',
      access,
      content: { file, title, fileName, mediaType, category, bytes, sha256, commitmentKey },
    };
  }

  async #opened(report: Report): Promise<Opened | Told> {
    const { accesses, actor } = this;
    let access: string | undefined;
    try {
      const request = { action: 'download', purpose: 'treatment' } as const;
      const opened = await accesses.open(actor, report.patient, report.id, request);
      access = opened.access;
      return { ...(await accesses.copy(actor, opened.ticket)), access, label: opened.label };
    } catch (error) {
      return insteadOf(error, access);
    }
  }
}

/** Each report as it is stored, under an access that the one who exports has signed. */
export class SealedContents implements Contents {
  readonly manifest: Pick<Manifest, 'sealed'>;

  /**
   * @param accesses by report, the ledger's decision on it
   * @param asOf when they were looked at, and good
   */
  constructor(
    private readonly reads: Pick<OwnReads, 'stored'>,
    private readonly actor: Actor,
    private readonly accesses: ReadonlyMap<string, string>,
    private readonly asOf: number,
  ) {
    this.manifest = { sealed: { reason: actor.keys.elsewhere ? 'KEYS_ELSEWHERE' : 'ASKED_FOR' } };
  }

  filesOf({ terms }: Report): number {
    return terms.parts.length + 2;
  }

  async *of(report: Report, number: number): AsyncGenerator<ArchiveFile, Told, undefined> {
    const access = this.accesses.get(report.id);
    // Come since.
    if (access === undefined) return { state: 'unavailable' };
    const stored = await this.#stored(report, access);
    if ('state' in stored) return stored;
    const { storage, parts } = report.terms;
    const names = sealedFileNames(number, { storage, parts: parts.length });
    for (const [part, content] of stored.parts.entries())
      yield { name: names.parts[part] ?? '', content };
    yield { name: names.label, content: bytesFile(stored.label) };
    yield { name: names.wraps, content: jsonFile(shownWraps(report.id, stored.wraps)) };
    return { state: 'included', access, sealed: names };
  }

  async #stored({ patient, id }: Report, access: string): Promise<StoredReport | Told> {
    try {
      return await this.reads.stored(this.actor, { patient, report: id, access }, this.asOf);
    } catch (error) {
      return insteadOf(error, access);
    }
  }
}

function shownWraps(report: string, wraps: readonly ClientWrap[]) {
  const shown = wraps.map(({ wrapped, ...binding }) => ({
    ...binding,
    wrap: Buffer.from(wrapped).toString('base64url'),
  }));
  return { report, wraps: shown };
}

/** What is said of a report that could not be read. @throws the error when the export as a whole can't go on */
function insteadOf(error: unknown, access: string | undefined): Told {
  const state = stateAfter(error);
  if (state === undefined) throw error;
  return access === undefined ? { state } : { state, access };
}

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
