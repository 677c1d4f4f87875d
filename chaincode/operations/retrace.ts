// What operations that a ledger has applied made of one patient's documents, worked out again from the operations alone, by
// the same functions that the ledger ran. Whoever holds proven operations so needs no second opinion of what they mean.

import type {
  Access,
  Appointment,
  Consultation,
  Envelope,
  Genesis,
  Patient,
  Receipt,
  RefusalCode,
  Report,
} from '../model/index.js';
import { keys, World, type Key } from '../state/index.js';
import { applyAuthentic } from './apply.js';
import { Refused, type Applied } from './call.js';
import { Surroundings } from './surroundings.js';

/** An operation whose signature has been checked, and what the ledger answered. */
export interface AppliedOperation {
  readonly envelope: Envelope;
  /** SHA-256 of its bytes. */
  readonly hash: string;
  readonly receipt: Extract<Receipt, { readonly status: 'applied' }>;
}

/** A record as its operations leave it. */
export interface Retraced {
  /** The policy document; null when nobody of that id was registered. */
  readonly patient: Patient | null;
  readonly reports: ReadonlyMap<string, Report>;
  readonly accesses: ReadonlyMap<string, Access>;
  readonly appointments: ReadonlyMap<string, Appointment>;
  readonly consultations: ReadonlyMap<string, Consultation>;
  /** The first operation that does not follow from those before it: one is missing, or the ledger broke its rules. */
  readonly broken?: { readonly id: string; readonly code: RefusalCode };
}

/**
 * Applies the operations in the order given, which must be the ledger's. Of everything that is not the patient's, what the
 * operations needed is presumed (`Surroundings`). Whether a request to read was permitted also depends on that: it is
 * taken from the receipt.
 */
export async function retrace(
  operations: readonly AppliedOperation[],
  { genesis, patient }: { readonly genesis: Genesis; readonly patient: string },
): Promise<Retraced> {
  const envelopes = operations.map(({ envelope }) => envelope);
  const walk = new Walk(new World(new Surroundings(envelopes)), genesis, patient);
  for (const operation of operations) await walk.step(operation);
  return walk.end();
}

/** Only these come from somebody who is not there yet. */
const REGISTRATION = /^(?:user|hospital):register$/;

type Family = 'report' | 'access' | 'appointment' | 'consultation';

class Walk {
  readonly #made = {
    report: new Set<string>(),
    access: new Set<string>(),
    appointment: new Set<string>(),
    consultation: new Set<string>(),
  };
  #broken: Retraced['broken'];

  constructor(
    private readonly world: World,
    private readonly genesis: Genesis,
    private readonly patient: string,
  ) {}

  async step(operation: AppliedOperation): Promise<void> {
    const { envelope, receipt } = operation;
    if (this.#isOthers(envelope)) return;
    try {
      const applied = await this.#apply(operation);
      // Another version: something that came before it is not shown.
      if (applied.version !== receipt.version) throw new Refused('VERSION_CONFLICT');
      await this.#settle(operation);
      this.world.keep();
      this.#note(envelope);
    } catch (error) {
      this.world.undo();
      if (!(error instanceof Refused)) throw error;
      this.#broken ??= { id: envelope.id, code: error.code };
    }
  }

  async end(): Promise<Retraced> {
    const { patient } = this;
    const user = await this.world.get(keys.user(patient));
    const listed = <T>(family: Family, key: (id: string) => Key<T>) =>
      this.#documents(this.#made[family], key);
    return {
      patient: user?.role === 'patient' ? user : null,
      reports: await listed('report', (id) => keys.report(patient, id)),
      accesses: await listed('access', (id) => keys.access(patient, id)),
      appointments: await listed('appointment', (id) => keys.appointment(patient, id)),
      consultations: await listed('consultation', (id) => keys.consultation(patient, id)),
      ...(this.#broken && { broken: this.#broken }),
    };
  }

  async #documents<T>(ids: ReadonlySet<string>, key: (id: string) => Key<T>) {
    const documents = new Map<string, T>();
    for (const id of ids) {
      const document = await this.world.get(key(id));
      if (document !== null) documents.set(id, document);
    }
    return documents;
  }

  /** Of others only who they are is needed: what became of their keys is not all shown, and changes no record. */
  #isOthers({ type, actor, args }: Envelope): boolean {
    if (type === 'hospital:vote' || type === 'service:suspend') return true;
    return type.startsWith('key:') && (args['user'] ?? actor) !== this.patient;
  }

  async #apply({ envelope, hash }: AppliedOperation): Promise<Applied> {
    const actor = await this.world.get(keys.user(envelope.actor));
    if (!actor && !REGISTRATION.test(envelope.type)) throw new Refused('UNKNOWN_ACTOR');
    return applyAuthentic(envelope, hash, actor, { world: this.world, genesis: this.genesis });
  }

  /** What depended on more than is shown here, as the ledger found it. */
  async #settle({ envelope, receipt }: AppliedOperation): Promise<void> {
    const { world } = this;
    const user = await world.get(keys.user(envelope.actor));
    if ((user?.role === 'hospital' || user?.role === 'auditor') && !user.admitted)
      world.put(keys.user(user.id), { ...user, admitted: true });
    if (receipt.outcome === undefined) return;
    const key = keys.access(this.patient, envelope.id);
    const access = await world.get(key);
    if (access) world.put(key, { ...access, outcome: receipt.outcome });
  }

  #note({ type, id, args }: Envelope): void {
    const [family] = type.split(':');
    if (args['patient'] !== this.patient || !isFamily(family)) return;
    // What changes a document names it; the others make one, named after themselves. A new version does both.
    if (args['id'] === undefined || type === 'report:supersede') this.#made[family].add(id);
  }
}

function isFamily(word: string | undefined): word is Family {
  return (
    word === 'report' || word === 'access' || word === 'appointment' || word === 'consultation'
  );
}
