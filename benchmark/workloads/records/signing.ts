// From an operation's arguments to its signed line, without waste: what a generator spends here, it can't offer.
import { sign } from 'node:crypto';
import {
  type ArgumentsOf,
  canonicalise,
  lowS,
  MAX_LIFE_MS,
  operationId,
  operationLine,
  type OperationType,
  signedText,
} from '@prms/chaincode';
import type { Random } from '../../stats/random.js';
import { derived, type Person } from './people.js';

/** Name, time of issue and end of an operation. */
export interface Stamp {
  readonly id: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** Signs for one ledger. */
export class Signer {
  readonly #ledger: string;

  constructor(channel: string) {
    this.#ledger = canonicalise(channel);
  }

  /** The signed line. Its members stand in canonical order; a test holds it against the chaincode's own text. */
  line<T extends OperationType>(by: Person, type: T, args: ArgumentsOf<T>, stamp: Stamp): string {
    const bytes =
      `{"actor":"${by.id}","args":${canonicalise(args)},"expiresAt":${stamp.expiresAt}` +
      `,"id":"${stamp.id}","issuedAt":${stamp.issuedAt},"kid":"${by.kid}"` +
      `,"ledger":${this.#ledger},"type":"${type}","v":1}`;
    const signature = sign('sha256', Buffer.from(signedText(bytes)), by.signWith);
    return operationLine(bytes, lowS(signature).toString('base64url'));
  }
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** Two digits of a ULID: ten bits. */
const PAIRS = Array.from(
  { length: 1024 },
  (_, n) => CROCKFORD.charAt(n >> 5) + CROCKFORD.charAt(n & 31),
);

/** Operation ids (ULIDs) whose random part comes from a stream's own randomness. */
export class Ids {
  #atMs = -1;
  #time = '';

  constructor(private readonly random: Random) {}

  next(issuedAt: number): string {
    if (issuedAt !== this.#atMs) {
      this.#atMs = issuedAt;
      this.#time = operationId(issuedAt, new Uint8Array(10)).slice(0, 10);
    }
    return this.#time + this.#four() + this.#four() + this.#four() + this.#four();
  }

  #four(): string {
    const bits = Math.floor(this.random() * 2 ** 20);
    return (PAIRS[bits >> 10] ?? '') + (PAIRS[bits & 1023] ?? '');
  }
}

/** The stamp of something that is there before the run: seed, name and time decide it, so nobody has to be told it. */
export function fixedStamp(seed: number, name: string, issuedAt: number): Stamp {
  const id = operationId(issuedAt, derived(seed, `id/${name}`).subarray(0, 10));
  return { id, issuedAt, expiresAt: issuedAt + MAX_LIFE_MS };
}

const DIGEST_BYTES = 32;
const TAG_BYTES = 16;

/** Random digests, as a stream's own randomness makes them. */
export class Digests {
  readonly #bytes = Buffer.alloc(DIGEST_BYTES);

  constructor(private readonly random: Random) {}

  /** 43 characters. */
  digest(): string {
    return this.#fill(DIGEST_BYTES);
  }

  /** 22 characters. */
  tag(): string {
    return this.#fill(TAG_BYTES);
  }

  #fill(bytes: number): string {
    for (let at = 0; at < bytes; at += 4) this.#bytes.writeUInt32LE(this.random() * 2 ** 32, at);
    return this.#bytes.toString('base64url', 0, bytes);
  }
}
