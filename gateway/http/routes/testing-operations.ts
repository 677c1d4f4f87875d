// For tests: operations signed with the key of somebody who is logged in, changed as a test wishes.
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import {
  operationBytes,
  operationId,
  operationLine,
  lifeMsOf,
  type ArgumentsOf,
  type Envelope,
  type OperationType,
} from '@prms/chaincode';
import type { Gateway } from '../../runtime/index.js';
import { kidOfPrivate, signBytes, signingEntry, type Actor } from '../../services/actor.js';

/** A line, and the id of its operation. */
export interface Signed {
  readonly id: string;
  readonly line: string;
}

export class Signer {
  readonly #kid: string;

  private constructor(
    private readonly gateway: Gateway,
    private readonly actor: Actor,
    private readonly now: () => number,
  ) {
    this.#kid = kidOfPrivate(signingEntry(actor).privateKey);
  }

  static async of(
    gateway: Gateway,
    { token }: { readonly token: string },
    now: () => number,
  ): Promise<Signer> {
    const session = await gateway.services.sessions.authenticate(token);
    if (!session) throw new Error('this visitor is not logged in');
    return new Signer(gateway, gateway.services.logins.actor(session), now);
  }

  get userId(): string {
    return this.actor.userId;
  }

  sign<T extends OperationType>(
    type: T,
    args: ArgumentsOf<T>,
    changed: Partial<Envelope> = {},
  ): Signed {
    const issuedAt = changed.issuedAt ?? this.now();
    const id = operationId(issuedAt, randomBytes(10));
    const envelope: Envelope = {
      v: 1,
      ledger: this.gateway.services.records.channel,
      type,
      actor: this.actor.userId,
      kid: this.#kid,
      id,
      issuedAt,
      expiresAt: issuedAt + lifeMsOf(type, args, this.actor.role),
      args,
      ...changed,
    };
    const bytes = operationBytes(envelope);
    return { id: envelope.id, line: operationLine(bytes, signBytes(this.actor, bytes)) };
  }

  /** A denial of this hospital by the patient who signs: something small that can be repeated. */
  denial(hospital: string, changed: Partial<Envelope> = {}): Signed {
    return this.sign(
      'consent:grant',
      {
        patient: this.userId,
        terms: {
          effect: 'deny',
          grantee: { kind: 'hospital', id: hospital },
          scope: { kind: 'full' },
          actions: ['view'],
          purposes: ['treatment'],
        },
      },
      changed,
    );
  }

  /** Many of them. Signing takes a while: whoever else is in this process gets a turn now and then. */
  async accesses(count: number): Promise<Signed[]> {
    const signed: Signed[] = [];
    while (signed.length < count) {
      signed.push(this.access());
      if (signed.length % 100 === 0) await turn();
    }
    return signed;
  }

  /** A request to read a report that does not exist: it is applied, and its outcome is a refusal. */
  access(changed: Partial<Envelope> = {}): Signed {
    return this.sign(
      'access:request',
      {
        patient: this.userId,
        report: '01J0000000000000000000000A',
        action: 'view',
        purpose: 'treatment',
      },
      changed,
    );
  }
}
