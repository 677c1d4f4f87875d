// An authenticator in software, for tests: makes ES256 passkeys and answers challenges as a browser with a security key
// would (WebAuthn level 3, §6), and can be told to misbehave. What checks its answers is the real library.
import {
  createHash,
  createSign,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';

interface Credential {
  readonly id: Buffer;
  readonly rpId: string;
  readonly privateKey: KeyObject;
  counter: number;
}

/** What is asked of `navigator.credentials`, as far as it is looked at. */
interface CreationRequest {
  readonly challenge: string;
  readonly rp: { readonly id?: string | undefined };
}
interface AssertionRequest {
  readonly challenge: string;
  readonly rpId?: string | undefined;
  readonly allowCredentials?: readonly { readonly id: string }[] | undefined;
}

/** How an answer differs from an honest one. */
export interface Mischief {
  readonly challenge?: string;
  readonly rpId?: string;
  readonly userVerified?: boolean;
  /** Answers as a copy would, whose counter has not moved. */
  readonly counterStands?: boolean;
  readonly type?: string;
}

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const HAS_CREDENTIAL = 0x40;

export class SoftwareAuthenticator {
  private readonly credentials: Credential[] = [];

  /** @param origin the page that the user looks at */
  constructor(private readonly origin: string) {}

  /** `navigator.credentials.create(…).toJSON()` */
  create({ challenge, rp }: CreationRequest, mischief: Mischief = {}) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const rpId = mischief.rpId ?? rp.id ?? new URL(this.origin).hostname;
    const credential: Credential = { id: randomBytes(32), rpId, privateKey, counter: 0 };
    this.credentials.push(credential);
    const { x, y } = publicKey.export({ format: 'jwk' });
    const coseKey = cborMap([
      [cborInt(1), cborInt(2)], // key type: EC2
      [cborInt(3), cborInt(-7)], // algorithm: ES256
      [cborInt(-1), cborInt(1)], // curve: P-256
      [cborInt(-2), cborBytes(Buffer.from(x ?? '', 'base64url'))],
      [cborInt(-3), cborBytes(Buffer.from(y ?? '', 'base64url'))],
    ]);
    const attested = Buffer.concat([
      Buffer.alloc(16), // AAGUID: none
      Buffer.from([0, credential.id.length]),
      credential.id,
      coseKey,
    ]);
    const authData = authenticatorData(credential, mischief, HAS_CREDENTIAL, attested);
    const attestationObject = cborMap([
      [cborText('fmt'), cborText('none')],
      [cborText('attStmt'), cborMap([])],
      [cborText('authData'), cborBytes(authData)],
    ]);
    return {
      ...outer(credential),
      response: {
        clientDataJSON: this.clientData('webauthn.create', challenge, mischief),
        attestationObject: attestationObject.toString('base64url'),
        transports: ['usb'],
      },
    };
  }

  /** `navigator.credentials.get(…).toJSON()` */
  get(request: AssertionRequest, mischief: Mischief = {}) {
    const allowed = request.allowCredentials?.map(({ id }) => id);
    const credential = this.credentials.find(
      ({ id }) => allowed === undefined || allowed.includes(id.toString('base64url')),
    );
    if (credential === undefined) throw new Error('this authenticator holds no such passkey');
    if (mischief.counterStands !== true) credential.counter += 1;
    const authData = authenticatorData(credential, mischief, 0, Buffer.alloc(0));
    const clientDataJSON = this.clientData('webauthn.get', request.challenge, mischief);
    const clientHash = createHash('sha256')
      .update(Buffer.from(clientDataJSON, 'base64url'))
      .digest();
    const signature = createSign('sha256').update(authData).update(clientHash);
    return {
      ...outer(credential),
      response: {
        clientDataJSON,
        authenticatorData: authData.toString('base64url'),
        signature: signature.sign(credential.privateKey).toString('base64url'),
        userHandle: null,
      },
    };
  }

  private clientData(type: string, challenge: string, mischief: Mischief): string {
    const data = {
      type: mischief.type ?? type,
      challenge: mischief.challenge ?? challenge,
      origin: this.origin,
      crossOrigin: false,
    };
    return Buffer.from(JSON.stringify(data), 'utf8').toString('base64url');
  }
}

const outer = ({ id }: Credential) => ({
  id: id.toString('base64url'),
  rawId: id.toString('base64url'),
  type: 'public-key' as const,
  clientExtensionResults: {},
  authenticatorAttachment: 'cross-platform' as const,
});

/** §6.1: hash of the RP id, flags, signature counter, then what is attested. */
function authenticatorData(
  { rpId, counter }: Credential,
  mischief: Mischief,
  flags: number,
  attested: Uint8Array,
): Buffer {
  const verified = mischief.userVerified === false ? 0 : USER_VERIFIED;
  const head = Buffer.alloc(5);
  head.writeUInt8(USER_PRESENT | verified | flags, 0);
  head.writeUInt32BE(counter, 1);
  const hash = createHash('sha256')
    .update(mischief.rpId ?? rpId)
    .digest();
  return Buffer.concat([hash, head, attested]);
}

// --- CBOR (RFC 8949), as much as an authenticator writes

function cborHead(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  if (value < 256) return Buffer.from([(major << 5) | 24, value]);
  return Buffer.from([(major << 5) | 25, value >> 8, value & 0xff]);
}

const cborInt = (value: number): Buffer =>
  value >= 0 ? cborHead(0, value) : cborHead(1, -1 - value);
const cborBytes = (value: Uint8Array): Buffer => Buffer.concat([cborHead(2, value.length), value]);
const cborText = (value: string): Buffer =>
  Buffer.concat([cborHead(3, Buffer.byteLength(value)), Buffer.from(value, 'utf8')]);
const cborMap = (entries: readonly (readonly [Buffer, Buffer])[]): Buffer =>
  Buffer.concat([cborHead(5, entries.length), ...entries.flat()]);
