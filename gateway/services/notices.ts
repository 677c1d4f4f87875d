// What somebody must hear of wherever they are: that hospitals are about to replace their keys, or
// that their private keys were exported. It is told with each
// log-in, at `GET /me`, as a header on every answer to their sessions, and pushed to whoever has subscribed.

import type { Genesis, Recovery } from '@prms/chaincode';
import { readOperationLine } from '@prms/chaincode';
import { z } from 'zod';
import { GatewayError } from '../errors.js';
import type { ExportTraces } from './own-keys/export-traces.js';
import type { Records } from './records.js';

const recoverySchema = z.object({
  kind: z.literal('key-recovery'),
  /** To be named in `key:object`. */
  proposal: z.string(),
  status: z.enum(['proposed', 'seconded']),
  proposer: z.string(),
  seconder: z.string().optional(),
  secondedAt: z.int().optional(),
  /** From when on the hospitals can complete it. */
  endsAt: z.int().optional(),
});
const exportSchema = z.object({
  kind: z.literal('key-export'),
  /** If it was not the user: rotate the keys, and change the password. */
  exportedAt: z.int(),
});

export const noticeSchema = z.discriminatedUnion('kind', [recoverySchema, exportSchema]);
export type Notice = z.infer<typeof noticeSchema>;

export type NoticeListener = (notices: readonly Notice[]) => void;

interface Known {
  readonly notices: readonly Notice[];
  readonly until: number;
}

export class Notices {
  /** So that not every answer asks the ledger. What is settled here is known at once. */
  readonly #known = new Map<string, Known>();
  readonly #listeners = new Map<string, Set<NoticeListener>>();
  #noticeMs: number | undefined;

  constructor(
    private readonly records: Records,
    /** How long another gateway's doing may go unseen. */
    private readonly freshMs: number,
    /** Users of whom it is remembered. */
    private readonly most: number,
    private readonly exports: {
      readonly traces: Pick<ExportTraces, 'of'>;
      /** How long one is told of. */
      readonly tellMs: number;
    },
  ) {}

  /** What somebody has to hear now. */
  async of(userId: string): Promise<readonly Notice[]> {
    const now = this.records.now();
    const known = this.#known.get(userId);
    if (known && now < known.until) return known.notices;
    const notices = await this.#ask(userId);
    if (this.#known.size >= this.most) this.#known.clear();
    this.#known.set(userId, { notices, until: now + this.freshMs });
    if (known && !same(known.notices, notices)) this.#tell(userId, notices);
    return notices;
  }

  /** For the header; undefined when there is nothing to hear, or the ledger does not answer. */
  async headerOf(userId: string): Promise<string | undefined> {
    const notices = await this.of(userId).catch(() => []);
    return notices.length === 0 ? undefined : notices.map(({ kind }) => kind).join(', ');
  }

  /**
   * Tells `listener` whenever something has changed for this user, until the returned function is called. What there is
   * at the moment, `of` says.
   */
  subscribe(userId: string, listener: NoticeListener): () => void {
    const listeners = this.#listeners.get(userId) ?? new Set();
    this.#listeners.set(userId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(userId);
    };
  }

  /** An operation was applied by way of this gateway. */
  applied(line: string): void {
    // Most are none of these, and reading them all would cost more than the notice is worth.
    if (!line.includes('"type":"key:')) return;
    const envelope = readOperationLine(line)?.envelope;
    if (!envelope) return;
    const { user } = envelope.args;
    this.changed(typeof user === 'string' ? user : envelope.actor);
  }

  /** Something has changed for this user: it is told at once. */
  changed(userId: string): void {
    this.#known.delete(userId);
    if (!this.#listeners.has(userId)) return;
    this.of(userId).then(
      (notices) => this.#tell(userId, notices),
      () => undefined,
    );
  }

  /** Looks again for those who listen: what another gateway has done. Call it now and then. */
  async refresh(): Promise<void> {
    for (const userId of [...this.#listeners.keys()]) await this.of(userId).catch(() => []);
  }

  #tell(userId: string, notices: readonly Notice[]): void {
    for (const listener of this.#listeners.get(userId) ?? []) listener(notices);
  }

  async #ask(userId: string): Promise<readonly Notice[]> {
    return [...(await this.#recovery(userId)), ...(await this.#export(userId))];
  }

  async #export(userId: string): Promise<Notice[]> {
    const { traces, tellMs } = this.exports;
    const trace = await traces.of(userId);
    if (!trace || this.records.now() >= trace.exportedAt + tellMs) return [];
    return [{ kind: 'key-export', exportedAt: trace.exportedAt }];
  }

  async #recovery(userId: string): Promise<Notice[]> {
    try {
      const { recovery } = await this.records.user(userId);
      if (recovery?.status !== 'proposed' && recovery?.status !== 'seconded') return [];
      this.#noticeMs ??= (await this.records.genesis()).recoveryNoticeMs;
      return [noticeOf(recovery, recovery.status, this.#noticeMs)];
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'NOT_FOUND') return [];
      throw error;
    }
  }
}

function noticeOf(
  { id, proposer, seconder, secondedAt }: Recovery,
  status: z.infer<typeof recoverySchema>['status'],
  noticeMs: Genesis['recoveryNoticeMs'],
): Notice {
  return {
    kind: 'key-recovery',
    proposal: id,
    status,
    proposer,
    ...(seconder !== undefined && { seconder }),
    ...(secondedAt !== undefined && { secondedAt, endsAt: secondedAt + noticeMs }),
  };
}

const same = (a: readonly Notice[], b: readonly Notice[]): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
