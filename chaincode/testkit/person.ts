// Somebody with keys who signs operations.

import { createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import {
  operationBytes,
  operationId,
  operationLine,
  type ArgumentsOf,
  type Envelope,
  type OperationType,
} from '../model/index.js';
import { kidOf, possessionText, signedText, userIdOf } from '../signatures/index.js';

const ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');

export interface KeyPair {
  readonly privateKey: KeyObject;
  /** 65-byte uncompressed point, base64url. */
  readonly publicKey: string;
}

export function newKeyPair(): KeyPair {
  return withPublic(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

/** The pair of a fixed private key, given as a JWK. */
export function keyPairFrom(jwk: { d: string; x: string; y: string }): KeyPair {
  return withPublic(createPrivateKey({ key: { kty: 'EC', crv: 'P-256', ...jwk }, format: 'jwk' }));
}

function withPublic(privateKey: KeyObject): KeyPair {
  const { x = '', y = '' } = privateKey.export({ format: 'jwk' });
  const point = [Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  return { privateKey, publicKey: Buffer.concat(point).toString('base64url') };
}

/** A low-S signature over a text, 64 bytes r ‖ s, base64url. */
export function signText(key: KeyObject, text: string): string {
  const bytes = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  const s = BigInt(`0x${bytes.toString('hex', 32)}`);
  return (s > ORDER / 2n ? otherTwin(bytes) : bytes).toString('base64url');
}

/** (r, n − s): as valid for ECDSA, and not the low-S one of the two. */
export function otherTwin(signature: Buffer): Buffer {
  const s = ORDER - BigInt(`0x${signature.toString('hex', 32)}`);
  return Buffer.concat([
    signature.subarray(0, 32),
    Buffer.from(s.toString(16).padStart(64, '0'), 'hex'),
  ]);
}

let ids = 0;
/** Distinct ids without randomness, so that a failing test fails the same way again. */
export function nextId(atMs: number): string {
  const random = Buffer.alloc(10);
  random.writeUInt32BE(ids++, 6);
  return operationId(atMs, random);
}

/** Changes to an otherwise sound envelope. */
export type Twist = Partial<Envelope>;

export const TEN_MINUTES_MS = 10 * 60 * 1000;

export class Person {
  readonly id: string;
  kid: string;

  constructor(
    public signing = newKeyPair(),
    public sealing = newKeyPair(),
  ) {
    this.id = userIdOf(signing.publicKey);
    this.kid = kidOf(signing.publicKey);
  }

  get keys(): { sign: string; seal: string } {
    return { sign: this.signing.publicKey, seal: this.sealing.publicKey };
  }

  envelope<T extends OperationType>(
    type: T,
    args: ArgumentsOf<T>,
    atMs: number,
    twist: Twist = {},
  ): Envelope {
    return {
      v: 1,
      ledger: 'records',
      type,
      actor: this.id,
      kid: this.kid,
      id: nextId(twist.issuedAt ?? atMs),
      issuedAt: atMs,
      expiresAt: (twist.issuedAt ?? atMs) + TEN_MINUTES_MS,
      args: { ...args },
      ...twist,
    };
  }

  /** The signed line of an envelope. */
  seal(envelope: Envelope): string {
    const bytes = operationBytes(envelope);
    return operationLine(bytes, signText(this.signing.privateKey, signedText(bytes)));
  }

  /** Proof that somebody holds a new key, made for an operation about `user`. */
  static proof(pair: KeyPair, user: string, operation: string): string {
    return signText(pair.privateKey, possessionText(user, operation));
  }

  /** Signs with these keys from now on. */
  take(signing: KeyPair, sealing: KeyPair): void {
    this.signing = signing;
    this.sealing = sealing;
    this.kid = kidOf(signing.publicKey);
  }
}
