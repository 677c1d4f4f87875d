// From an operation's arguments to its signed line, without waste: what a generator spends here, it can't offer.
import { sign } from 'node:crypto';
import {
  type ArgumentsOf,
  canonicalise,
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

/** Order of the P-256 group (SP 800-186 §3.2.1.3). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const HALF_ORDER = Buffer.from((ORDER >> 1n).toString(16).padStart(64, '0'), 'hex');

/** Of the two signatures (r, s) and (r, n − s) the ledger takes the one with the smaller s. */
export function lowS(signature: Buffer): Buffer {
  if (HALF_ORDER.compare(signature, 32) >= 0) return signature;
  const s = BigInt(`0x${signature.toString('hex', 32)}`);
  signature.write((ORDER - s).toString(16).padStart(64, '0'), 32, 'hex');
  return signature;
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
