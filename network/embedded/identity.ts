// X.509 identities: who submits a transaction, and the node that signs the blocks.
// Certificates are self-signed: the embedded ledger has one organisation's trust, a Fabric network brings its own CAs.
import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
  webcrypto,
  X509Certificate,
} from 'node:crypto';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
// First: it brings the reflection polyfill that the certificate library needs.
import '@prms/chaincode/fabric';
import { X509CertificateGenerator } from '@peculiar/x509';
import { LedgerError } from '../ledger.js';

/** Someone who can submit: a certificate and the private key that belongs to it. */
export interface Identity {
  /** The organisation's name, as Fabric's membership service would call it. */
  readonly mspId: string;
  /** X.509, PEM. */
  readonly certificate: string;
  /** P-256. */
  readonly privateKey: KeyObject;
}

/** The public half of an {@link Identity}, as a transaction carries it. */
export type Creator = Pick<Identity, 'mspId' | 'certificate'>;

export interface CreateIdentityOptions {
  readonly mspId: string;
  readonly commonName: string;
  /** An existing P-256 key pair; made fresh when left out. */
  readonly keyPair?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const YEARS_VALID = 20;

/**
 * Makes a self-signed certificate over a P-256 key.
 * @throws LedgerError INVALID when the key is not P-256.
 */
export async function createIdentity(options: CreateIdentityOptions): Promise<Identity> {
  const { mspId, commonName } = options;
  const pair = options.keyPair ?? generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { privateKey, publicKey } = pair;
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new LedgerError('INVALID', 'an identity needs a P-256 key', { commonName });
  }
  const subtle = webcrypto.subtle;
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const keys = {
    privateKey: await subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']),
    publicKey: await subtle.importKey('spki', spki, ALGORITHM, true, ['verify']),
  };
  const notBefore = new Date();
  const notAfter = new Date(notBefore);
  notAfter.setFullYear(notAfter.getFullYear() + YEARS_VALID);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }, { O: [mspId] }],
    notBefore,
    notAfter,
    keys,
    signingAlgorithm: ALGORITHM,
  });
  return { mspId, certificate: certificate.toString('pem'), privateKey };
}

/** ECDSA P-256, SHA-256, 64-byte r‖s. */
export function signBytes(key: KeyObject, bytes: Uint8Array): Buffer {
  return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' });
}

export function verifyBytes(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

const knownKeys = new Map<string, KeyObject>();
const KNOWN_KEYS_LIMIT = 1000;

/** The certificate's public key; parsing costs far more than a look-up, and few creators submit. */
export function publicKeyOf(certificate: string): KeyObject {
  const known = knownKeys.get(certificate);
  if (known !== undefined) return known;
  const key = new X509Certificate(certificate).publicKey;
  if (knownKeys.size >= KNOWN_KEYS_LIMIT) knownKeys.clear();
  knownKeys.set(certificate, key);
  return key;
}

/** @throws LedgerError INVALID unless the private key belongs to the certificate. */
export function checkIdentity(identity: Identity): void {
  let belongs = false;
  try {
    belongs = new X509Certificate(identity.certificate).checkPrivateKey(identity.privateKey);
  } catch (error) {
    const message = 'the certificate of this identity can not be read';
    throw new LedgerError('INVALID', message, { mspId: identity.mspId }, { cause: error });
  }
  if (!belongs) {
    const message = 'the private key of this identity does not belong to its certificate';
    throw new LedgerError('INVALID', message, { mspId: identity.mspId });
  }
}

const keyFile = (dir: string): string => join(dir, 'node-key.pem');

/** The node's private key, or undefined when the folder has none. */
export async function readNodeKey(dir: string): Promise<KeyObject | undefined> {
  let pem: string;
  try {
    pem = await readFile(keyFile(dir), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new LedgerError('INVALID', 'the node key can not be read', { dir }, { cause: error });
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new LedgerError(
      'INVALID',
      'the node key is not a private key',
      { dir },
      { cause: error },
    );
  }
}

/** Writes the key so that a crash leaves either no key or a whole one, readable by its owner alone. */
export async function writeNodeKey(dir: string, key: KeyObject): Promise<void> {
  const draft = `${keyFile(dir)}.new`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(key.export({ type: 'pkcs8', format: 'pem' }));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, keyFile(dir));
  // The name has to be on disk before the first block is: without its key a chain can't go on.
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Makes the folder, for its owner alone. */
export async function makePrivateFolder(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
}
