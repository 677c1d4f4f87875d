// Who signs in the benches: key pairs with the ids that follow from them, and operations signed with them.
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import {
  kidOf,
  lowS,
  operationBytes,
  operationId,
  operationLine,
  signedText,
  userIdOf,
  type ArgumentsOf,
  type OperationType,
} from '@prms/chaincode';

export const CHANNEL = 'bench';
const LIFE_MS = 10 * 60 * 1000;

export interface Signer {
  readonly id: string;
  readonly kid: string;
  readonly keys: { readonly sign: string; readonly seal: string };
  readonly privateKey: KeyObject;
}

export interface Signed {
  readonly id: string;
  readonly line: string;
}

export function signer(): Signer {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keys = {
    sign: point(pair.publicKey),
    seal: point(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey),
  };
  return { id: userIdOf(keys.sign), kid: kidOf(keys.sign), keys, privateKey: pair.privateKey };
}

export function signers(count: number): Signer[] {
  return Array.from({ length: count }, signer);
}

/** One operation of this moment, signed. */
export function signed<T extends OperationType>(by: Signer, type: T, args: ArgumentsOf<T>): Signed {
  const issuedAt = Date.now();
  const id = operationId(issuedAt, randomBytes(10));
  const expiresAt = issuedAt + LIFE_MS;
  const { id: actor, kid } = by;
  const envelope = {
    v: 1,
    ledger: CHANNEL,
    type,
    actor,
    kid,
    id,
    issuedAt,
    expiresAt,
    args,
  } as const;
  const bytes = operationBytes(envelope);
  const signature = sign('sha256', Buffer.from(signedText(bytes)), {
    key: by.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return { id, line: operationLine(bytes, lowS(signature).toString('base64url')) };
}

function point(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).subarray(-65).toString('base64url');
}
