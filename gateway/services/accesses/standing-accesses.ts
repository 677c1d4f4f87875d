// A permit is for now: what it rests on may be gone while it is used. So each time that bytes are to be given by it, the
// rule is asked again, with what the ledger knows then; and a report may have been erased in between.
import type { AccessOutcome, Patient, RefusalCode, Report } from '@prms/chaincode';
import { GatewayError, type GatewayErrorCode } from '../../errors.js';
import type { Actor } from '../actor.js';
import { foresee, standingOf, type Wish } from '../facts.js';
import type { Records } from '../records.js';
import type { Erasures } from '../reports/index.js';
import type { AccessLog } from './access-log.js';
import type { LateAnchor } from './late-anchor.js';
import { over } from './refusal.js';

/** What a reader asks for; in an emergency, by its id. */
export interface ReadWish extends Wish {
  readonly emergency?: string | undefined;
}

/** An access that was permitted. */
export interface Permit {
  readonly access: string;
  readonly reader: string;
  /** The key that signed for it: others that have come since end it. */
  readonly kid: string;
  readonly wish: ReadWish;
  readonly report: Report;
}

export class StandingAccesses {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly late: Pick<LateAnchor, 'emergency'>;
      readonly log: AccessLog;
      readonly erasures: Pick<Erasures, 'gone'>;
    },
  ) {}

  /** What the ledger would say now, whatever it has said. */
  async foresee(
    reader: Pick<Actor, 'userId'>,
    patient: Patient,
    report: string,
    wish: ReadWish,
  ): Promise<AccessOutcome> {
    const { records, late } = this.parts;
    const { emergency, actingFor } = wish;
    return foresee(
      await standingOf(records, reader, patient, actingFor),
      await records.report(patient.id, report),
      wish,
      records.now(),
      emergency === undefined ? null : await late.emergency(patient.id, emergency),
    );
  }

  /**
   * What `read` gives, if the access still stands afterwards.
   * @throws GatewayError GONE | REFUSED with the rule's code | LEDGER_UNAVAILABLE
   */
  async while<T>(permit: Permit, read: () => Promise<T>): Promise<T> {
    let value: T;
    try {
      value = await read();
    } catch (error) {
      // What went wrong under an access that is over is nobody's damage.
      throw (await this.#end(permit).catch(() => undefined)) ?? error;
    }
    const end = await this.#end(permit);
    if (end) throw end;
    return value;
  }

  /** Chunk by chunk, each only while the access stands. */
  async *stream(permit: Permit, source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const chunks = source[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.while<IteratorResult<Uint8Array, unknown>>(permit, () =>
          chunks.next(),
        );
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await chunks.return?.();
    }
  }

  /** What whoever uses it is told when it is over; the first time that it is found to be, that is put beside the access. */
  async #end(permit: Permit): Promise<GatewayError | undefined> {
    const { access, reader } = permit;
    const { log } = this.parts;
    const before = await log.ended(access);
    if (before) return over(before.code, access);
    const why = await this.#whyNot(permit).catch(unknownTo(permit));
    if (why === undefined || why instanceof GatewayError) return why;
    await log.end(access, why, reader);
    return over(why, access);
  }

  /** The rule's word now, as when the access was asked for. */
  async #whyNot({
    reader,
    kid,
    report,
    wish,
  }: Permit): Promise<RefusalCode | GatewayError | undefined> {
    const { records, erasures } = this.parts;
    const present = await records.report(report.patient, report.id);
    if (present.status === 'erased') return erasures.gone(present);
    if ((await records.user(reader)).kid !== kid) return 'KEY_NOT_CURRENT';
    const patient = await records.patient(report.patient);
    const outcome = await this.foresee({ userId: reader }, patient, report.id, wish);
    return outcome.decision === 'refuse' ? outcome.code : undefined;
  }
}

/** How a ledger that can't be asked is told. */
const SILENT: ReadonlySet<GatewayErrorCode> = new Set(['LEDGER_UNAVAILABLE', 'BUSY', 'INTERNAL']);

/** A ledger that can't even be read stops whoever relies on a consent; an emergency goes on. */
function unknownTo({ wish }: Permit): (error: unknown) => undefined {
  return (error) => {
    const silent = error instanceof GatewayError && SILENT.has(error.code);
    if (!silent || wish.emergency === undefined) throw error;
    return undefined;
  };
}
