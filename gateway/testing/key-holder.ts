// Somebody who keeps their own keys, for tests and benches: signs operations that no gateway had a hand in.
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import {
  kidOf,
  lifeMsOf,
  lowS,
  operationBytes,
  operationId,
  operationLine,
  signedText,
  userIdOf,
  type ArgumentsOf,
  type OperationType,
} from '@prms/chaincode';

/** A line, and the id of its operation. */
export interface SignedByHand {
  readonly id: string;
  readonly line: string;
}

export class KeyHolder {
  readonly id: string;
  readonly #kid: string;
  readonly #keys: { readonly sign: string; readonly seal: string };
  readonly #privateKey: KeyObject;

  constructor(
    private readonly ledger: string,
    private readonly now: () => number = Date.now,
  ) {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#keys = { sign: pointOf(pair.publicKey), seal: pointOf(other.publicKey) };
    this.id = userIdOf(this.#keys.sign);
    this.#kid = kidOf(this.#keys.sign);
    this.#privateKey = pair.privateKey;
  }

  /** Their own registration as a patient. */
  registration(): SignedByHand {
    return this.sign('user:register', {
      role: 'patient',
      keys: this.#keys,
      epoch: { number: 1, key: this.#keys.seal },
      escrow: null,
    });
  }

  /** A request to read a report of theirs that does not exist: applied, with a refusal as its outcome. */
  access(): SignedByHand {
    return this.sign('access:request', {
      patient: this.id,
      report: '01J0000000000000000000000A',
      action: 'view',
      purpose: 'treatment',
    });
  }

  /** Some six kilobytes that the ledger refuses: a patient has no hours to offer. */
  bulky(hospital: string): SignedByHand {
    const slots = Array.from({ length: 64 }, () => ({
      id: operationId(this.now(), randomBytes(10)),
      commitment: randomBytes(32).toString('base64url'),
    }));
    return this.sign('appointment:offer', { hospital, slots });
  }

  sign<T extends OperationType>(type: T, args: ArgumentsOf<T>): SignedByHand {
    const issuedAt = this.now();
    const id = operationId(issuedAt, randomBytes(10));
    const bytes = operationBytes({
      v: 1,
      ledger: this.ledger,
      type,
      actor: this.id,
      kid: this.#kid,
      id,
      issuedAt,
      expiresAt: issuedAt + lifeMsOf(type, args),
      args,
    });
    const signature = sign('sha256', Buffer.from(signedText(bytes), 'utf8'), {
      key: this.#privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    return { id, line: operationLine(bytes, lowS(signature).toString('base64url')) };
  }
}

function pointOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).subarray(-65).toString('base64url');
}
