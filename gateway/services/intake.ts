// Signed operations that clients make themselves: looked at, so that nothing unreadable or foreign goes further, then
// handed to the outbox. The ledger decides on each; what is refused here it would refuse, too.

import {
  ARGUMENTS,
  instantOf,
  isOperationType,
  lifeMsOf,
  MAX_OPERATION_BYTES,
  MAX_SKEW_MS,
  readOperationLine,
  REFUSALS,
  type Envelope,
  type Receipt,
  type RefusalCode,
} from '@prms/chaincode';
import type { Session, Sessions } from '../accounts/index.js';
import type { Clock } from '../ambient.js';
import { GatewayError, validationError } from '../errors.js';
import { hasAftermath } from './aftermath.js';
import type { Earlier, Fate, Outbox, SignedLine } from './outbox.js';
import type { Records } from './records.js';

/** Longest line: the operation, its signature, and what stands around them. */
export const MAX_LINE_BYTES = MAX_OPERATION_BYTES + 128;

/** Who hands operations in. */
export interface Submitter {
  readonly userId: string;
  /** May hand in what others have signed. */
  readonly relays: boolean;
  /** Whether they have just proven who they are; of a long request each line asks anew. */
  isFresh(): boolean;
}

/** An operation that is on disk here, now or since an earlier time. */
export interface Taken {
  readonly id: string;
  /** Missing when it came before, is not settled, and is not on its way at present. */
  readonly receipt?: Promise<Receipt>;
  /** It came before: nothing was done. */
  readonly again?: Fate;
}

export class Intake {
  /** Admission is never taken back. */
  readonly #admitted = new Set<string>();

  constructor(
    private readonly parts: {
      readonly outbox: Outbox;
      readonly records: Records;
      readonly clock: Clock;
      readonly sessions: Pick<Sessions, 'isFresh'>;
      /** Hospitals whose admission need not be looked up again. */
      readonly mostRemembered: number;
    },
  ) {}

  /**
   * Everybody hands in their own operations. An admitted hospital's systems also relay what its patients and doctors
   * have signed: it can delay that, as it can delay everything, and can't change it. Emergencies it does not relay.
   */
  async submitter(session: Session): Promise<Submitter> {
    const { userId, role } = session;
    const isFresh = () => this.parts.sessions.isFresh(session);
    if (role !== 'hospital') return { userId, relays: false, isFresh };
    const relays = this.#admitted.has(userId) || (await this.#isAdmitted(userId));
    return { userId, relays, isFresh };
  }

  /**
   * Takes one signed operation in its line form. Once this resolves it is on disk. The same operation again gives the
   * same fate.
   * @throws GatewayError BAD_REQUEST | TOO_LARGE | VALIDATION | FORBIDDEN | FRESH_LOGIN_REQUIRED | BUSY; REFUSED with the ledger's code for what
   *   the ledger would refuse whenever it came, ID_REUSED among them
   */
  async submit(line: string, by: Submitter): Promise<Taken> {
    const { id, actor, lane, followUp } = this.read(line, by);
    try {
      const { outbox } = this.parts;
      return {
        id,
        receipt: (await outbox.accept({ id, actor, by: by.userId, line, lane, followUp })).receipt,
      };
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'CONFLICT') throw error;
      const earlier = await this.parts.outbox.earlier({ id, line });
      if (!earlier) throw error;
      return this.#again(id, earlier);
    }
  }

  /**
   * Looks at a line without taking it.
   * @throws GatewayError as {@link submit}, but BUSY and ID_REUSED
   */
  read(line: string, by: Submitter): Pick<SignedLine, 'id' | 'actor' | 'lane' | 'followUp'> {
    if (line.length > MAX_LINE_BYTES) {
      throw new GatewayError('TOO_LARGE', 'An operation is shorter than this line.', {
        limitBytes: MAX_LINE_BYTES,
      });
    }
    const envelope = readOperationLine(line)?.envelope;
    if (!envelope) {
      throw new GatewayError(
        'BAD_REQUEST',
        'This is not {"operation":{…},"signature":"…"} with a canonical operation.',
      );
    }
    const { id, actor } = envelope;
    if (actor !== by.userId && !by.relays) {
      throw new GatewayError('FORBIDDEN', 'Somebody else has signed this operation.', {
        ids: { operation: id },
      });
    }
    if (envelope.type === 'access:emergency') mayDeclare(envelope, by);
    this.#mustMakeSense(envelope);
    const followUp = hasAftermath(envelope.type) ? { followUp: 'now' as const } : {};
    return { id, actor, lane: laneOf(envelope), ...followUp };
  }

  /** Has this person signed it, or handed it in? To anybody else it is as unknown as one that never was. */
  mayAsk({ userId }: Pick<Session, 'userId'>, fate: Fate): boolean {
    return fate.actor === userId || fate.by === userId;
  }

  /** What no moment could make right. Whether its life is over is the ledger's to say: it may have been applied before. */
  #mustMakeSense({ id, ledger, type, args, issuedAt, expiresAt }: Envelope): void {
    const must = (holds: boolean, code: RefusalCode): void => {
      if (!holds) throw refused(id, code);
    };
    must(ledger === this.parts.records.channel, 'WRONG_LEDGER');
    if (!isOperationType(type)) throw refused(id, 'MALFORMED');
    must(instantOf(id) === issuedAt, 'ID_MISMATCH');
    const lifeMs = expiresAt - issuedAt;
    must(lifeMs > 0 && lifeMs <= lifeMsOf(type, args), 'LIFE_TOO_LONG');
    must(issuedAt <= this.parts.clock.now() + MAX_SKEW_MS, 'NOT_YET_VALID');
    const read = ARGUMENTS[type].safeParse(args);
    if (read.success) return;
    const { message, options } = validationError('operation.args', read.error);
    throw new GatewayError('REFUSED', message, {
      ...(options.fields && { fields: options.fields }),
      reason: 'MALFORMED',
      ids: { operation: id },
    });
  }

  async #isAdmitted(userId: string): Promise<boolean> {
    const user = await this.parts.records.user(userId);
    const admitted = 'admitted' in user && user.admitted;
    if (admitted && this.#admitted.size < this.parts.mostRemembered) this.#admitted.add(userId);
    return admitted;
  }

  #again(id: string, { same, fate, receipt }: Earlier): Taken {
    if (!same) throw refused(id, 'ID_REUSED');
    return receipt ? { id, receipt, again: fate } : { id, again: fate };
  }
}

/**
 * As for those whose keys rest here: a session that was left open must not break the glass, nor one that is somebody
 * else's. How fresh a relaying system's log-in is says nothing of the doctor.
 * @throws GatewayError FORBIDDEN | FRESH_LOGIN_REQUIRED
 */
function mayDeclare({ id, actor }: Envelope, by: Submitter): void {
  const ids = { operation: id };
  if (actor !== by.userId)
    throw new GatewayError(
      'FORBIDDEN',
      'An emergency is not relayed: whoever declares it hands it in, freshly logged in.',
      { ids },
    );
  if (!by.isFresh())
    throw new GatewayError('FRESH_LOGIN_REQUIRED', 'Log in again to declare an emergency.', {
      ids,
    });
}

function refused(id: string, reason: RefusalCode): GatewayError {
  return new GatewayError('REFUSED', REFUSALS[reason], { reason, ids: { operation: id } });
}

/** What the operation is about: the patient, or the user whose keys or standing it changes. */
function laneOf({ actor, args }: Envelope): string {
  const { patient, user } = args;
  if (typeof patient === 'string') return patient;
  return typeof user === 'string' ? user : actor;
}
