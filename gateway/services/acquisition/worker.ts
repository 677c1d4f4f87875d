// Makes reports of waiting documents: a few at a time, again and again while cloud or ledger are away. What the ledger
// refuses for good is a failure with the ledger's code. A crash at any moment leaves a document waiting, or its report
// anchored once: before each attempt the report's id is written down, and asked for before the next.

import type { Clock } from '../../ambient.js';
import { GatewayError } from '../../errors.js';
import type { Log } from '../../logging.js';
import type { Outbox } from '../outbox.js';
import type { Records } from '../records.js';
import type { UploadMeta, Uploads } from '../reports/index.js';
import type { ServiceAccounts } from './accounts.js';
import { type Entries, type Entry } from './entries.js';
import type { Queue } from './queue.js';
import type { Shelf } from './shelf.js';

export interface WorkerLimits {
  readonly atOnce: number;
  readonly pollMs: number;
  readonly backoffMs: number;
  readonly longestPauseMs: number;
  readonly retryMs: number;
}

/** What the ledger says of an attempt that another one, made now, may pass. */
const PASSING_REFUSALS: ReadonlySet<string> = new Set(['VERSION_CONFLICT', 'EXPIRED']);

export class Worker {
  /** Waiting documents, and when each is to be tried. */
  readonly #due = new Map<string, number>();
  readonly #underWay = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    private readonly parts: {
      readonly entries: Entries;
      readonly shelf: Shelf;
      readonly accounts: ServiceAccounts;
      readonly uploads: Uploads;
      readonly outbox: Outbox;
      readonly records: Records;
      readonly clock: Clock;
      readonly log: Log;
      readonly limits: WorkerLimits;
      readonly queue: () => Queue;
    },
  ) {}

  start(): void {
    this.#timer ??= setInterval(() => this.#look(), this.parts.limits.pollMs).unref();
    this.#look();
  }

  /** Lets what is under way come to its end. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await Promise.all(this.#underWay.values());
  }

  due(key: string, nextAt: number): void {
    this.#due.set(key, nextAt);
    if (this.#timer) this.#look();
  }

  #look(): void {
    const now = this.parts.clock.now();
    for (const [key, nextAt] of this.#due) {
      if (this.#closed || this.#underWay.size >= this.parts.limits.atOnce) return;
      if (nextAt > now || this.#underWay.has(key)) continue;
      this.#due.delete(key);
      const work = this.#try(key)
        .catch((error: unknown) => {
          // The store itself fails: the document is where it was.
          this.parts.log.error('acquisition.stuck', { error });
          this.#due.set(key, this.parts.clock.now() + this.parts.limits.backoffMs);
        })
        .finally(() => {
          this.#underWay.delete(key);
          this.#look();
        });
      this.#underWay.set(key, work);
    }
  }

  async #try(key: string): Promise<void> {
    const entry = await this.parts.entries.documents.get(key);
    if (entry?.state !== 'waiting') return;
    try {
      const report = (await this.#earlier(entry)) ?? (await this.#add(key, entry));
      await this.#end(key, { state: 'anchored', report });
      this.parts.log.info('acquisition.anchored', {
        reportId: report,
        hospitalId: entry.hospital,
        attempt: entry.attempts + 1,
      });
    } catch (error) {
      await this.#trouble(key, error);
    }
  }

  /**
   * What came of the attempt before: its report when that is anchored; undefined when it never will be.
   * @throws GatewayError COMMIT_TIMEOUT while it is open | REFUSED when the ledger has refused it
   */
  async #earlier({ attempt, patient }: Entry): Promise<string | undefined> {
    if (attempt === undefined) return undefined;
    const fate = await this.parts.outbox.fate(attempt);
    if (fate?.state === 'pending')
      throw new GatewayError('COMMIT_TIMEOUT', 'The ledger has not answered yet.');
    if (fate?.state === 'applied') return attempt;
    if (fate?.receipt?.status === 'refused' && !PASSING_REFUSALS.has(fate.receipt.code))
      throw new GatewayError('REFUSED', 'The ledger has refused it.', {
        reason: fate.receipt.code,
      });
    if (fate) return undefined;
    // Never handed in, or so long ago that its fate is forgotten: then the ledger knows.
    return this.parts.records.report(patient, attempt).then(
      ({ id }) => id,
      (error: unknown) => {
        if (error instanceof GatewayError && error.code === 'NOT_FOUND') return undefined;
        throw error;
      },
    );
  }

  async #add(key: string, entry: Entry): Promise<string> {
    const { entries, shelf, accounts, uploads } = this.parts;
    const { title, category, month, fileName, key: fileKey } = entries.open(entry);
    const supersedes = await this.#supersedes(entry);
    const meta: UploadMeta = { title, category, month, actingFor: entry.hospital, supersedes };
    const actor = await accounts.actor(entry.service);
    const draft = uploads.begin();
    try {
      const { id: attempt } = draft;
      await this.#change(key, (present) => ({ ...present, attempt }));
      const body = shelf.read(entry.file ?? '', Buffer.from(fileKey, 'base64url'));
      const received = await draft.take(body, fileName);
      await uploads.finish(actor, entry.patient, meta, draft, received, []);
      return attempt;
    } finally {
      actor.keys.wipe();
      await draft.dispose();
    }
  }

  /** @throws GatewayError BUSY while the one to be replaced is not anchored itself | CONFLICT when it never was */
  async #supersedes({ replaces, hospital, patient }: Entry): Promise<UploadMeta['supersedes']> {
    if (replaces === undefined) return undefined;
    const earlier = await this.parts.entries.documents.get(`${hospital}/${replaces}`);
    if (earlier?.state === 'waiting')
      throw new GatewayError('BUSY', 'What it replaces still waits itself.');
    if (earlier?.report === undefined)
      throw new GatewayError('CONFLICT', 'What it replaces was never anchored.');
    const { id, version } = await this.parts.records.report(patient, earlier.report);
    return { id, replaces: version };
  }

  async #trouble(key: string, error: unknown): Promise<void> {
    const { limits, clock, log } = this.parts;
    const { code, reason } = codesOf(error);
    const after = await this.#change(key, (entry) => {
      const attempts = entry.attempts + 1;
      const now = clock.now();
      const pauseMs = Math.min(
        limits.longestPauseMs,
        limits.backoffMs * 2 ** Math.min(20, attempts - 1),
      );
      const trouble = { code, ...(reason !== undefined && { reason }) };
      const goesOn = passes(error) && now - entry.triedSince < limits.retryMs;
      const { reason: _old, ...rest } = entry;
      return goesOn
        ? { ...rest, ...trouble, attempts, nextAt: now + pauseMs }
        : { ...rest, ...trouble, attempts, state: 'failed', endedAt: now };
    });
    if (after?.state === 'waiting') this.#due.set(key, after.nextAt);
    const { attempts: attempt, hospital: hospitalId } = after ?? {};
    const fields = { code, reason, attempt, hospitalId };
    if (after?.state === 'waiting') log.warn('acquisition.postponed', fields);
    else log.warn('acquisition.failed', fields);
  }

  async #end(key: string, end: { state: 'anchored'; report: string }): Promise<void> {
    const { clock, queue } = this.parts;
    const before = await this.parts.entries.documents.get(key);
    await this.#change(key, (entry) => {
      const { sealed: _sealed, file: _file, code: _code, reason: _reason, ...rest } = entry;
      return { ...rest, ...end, attempts: entry.attempts + 1, endedAt: clock.now() };
    });
    if (before) await queue().letGo(before);
  }

  #change(key: string, change: (entry: Entry) => Entry): Promise<Entry | undefined> {
    return this.parts.entries.documents.update(key, (entry) => entry && change(entry), {
      sync: true,
    });
  }
}

function codesOf(error: unknown): { code: string; reason?: string } {
  if (!(error instanceof GatewayError)) return { code: 'INTERNAL' };
  const { reason } = error.options;
  return { code: error.code, ...(reason !== undefined && { reason }) };
}

/** Is it worth trying again? What cloud, ledger or this gateway's own load have done, passes. */
function passes(error: unknown): boolean {
  if (!(error instanceof GatewayError)) return true;
  if (error.code === 'REFUSED') return PASSING_REFUSALS.has(error.options.reason ?? '');
  if (error.code === 'STORE_DAMAGED') return false;
  return error.status >= 500 || error.status === 429;
}
