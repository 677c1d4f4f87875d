// The client's half for somebody who keeps their own keys, as the demo and the tests play it: signs, wraps, and opens, and
// asks nobody. docs/own-keys.md says what is done here.
import { randomBytes } from 'node:crypto';
import {
  kidOf,
  lifeMsOf,
  operationBytes,
  operationId,
  operationLine,
  signedText,
  userIdOf,
  type ArgumentsOf,
  type Envelope,
  type OperationType,
} from '@prms/chaincode';
import type { PartKeys } from '@prms/stego';
import { z } from 'zod';
import { loginText } from '../services/own-keys/index.js';
import {
  encodePublicKey,
  generateKeyPair,
  signP256,
  unwrapKey,
  wrapKey,
  type KeyPair,
} from '../vault/index.js';
import { sealForm, type SealedChange, type SealedReport } from './sealed-form.js';

export {
  preparedSchema,
  receivedSchema,
  type SealedChange,
  type SealedReport,
} from './sealed-form.js';

export const wrapSchema = z.object({
  purpose: z.enum(['report', 'epoch', 'escrow', 'tags']),
  subject: z.string(),
  recipient: z.string(),
  kid: z.string(),
  wrap: z.string(),
});
export type SentWrap = z.infer<typeof wrapSchema>;

/** Somebody for whom a key is wrapped. */
export interface Recipient {
  readonly id: string;
  readonly seal: string;
}

export const sentKeys = ({ position, whitening }: PartKeys) => ({
  position: Buffer.from(position).toString('base64url'),
  whitening: Buffer.from(whitening).toString('base64url'),
});

export const newPair = (): KeyPair => generateKeyPair((length) => randomBytes(length));
export const publicText = ({ publicKey }: KeyPair): string => encodePublicKey(publicKey);

export class OwnKeys {
  sealing = newPair();
  /** What was wrapped before a rotation opens with these. */
  readonly earlierSealing: KeyPair[] = [];
  epoch = { number: 1, pair: newPair() };
  readonly tagKey = new Uint8Array(randomBytes(32));
  readonly userId: string;

  constructor(
    protected readonly now: () => number,
    protected readonly role: 'patient' | 'doctor' | 'relative' = 'patient',
    public signing = newPair(),
  ) {
    this.userId = userIdOf(publicText(signing));
  }

  get keys(): { sign: string; seal: string } {
    return { sign: publicText(this.signing), seal: publicText(this.sealing) };
  }

  sign(text: string): string {
    const signature = signP256(this.signing.privateKey, Buffer.from(text, 'utf8'));
    return Buffer.from(signature).toString('base64url');
  }

  /** The answer to a log-in's challenge. @param origin the one that was connected to, not one that was told */
  signLogin(origin: string, ledger: string, challenge: string): string {
    return this.sign(loginText(origin, ledger, this.userId, challenge));
  }

  envelope<T extends OperationType>(
    type: T,
    args: ArgumentsOf<T>,
    twist: Partial<Envelope> = {},
  ): Envelope {
    const issuedAt = twist.issuedAt ?? this.now();
    return {
      v: 1,
      ledger: 'records',
      type,
      actor: this.userId,
      kid: kidOf(publicText(this.signing)),
      id: operationId(issuedAt, randomBytes(10)),
      issuedAt,
      expiresAt: issuedAt + lifeMsOf(type, args, this.role),
      args: { ...args },
      ...twist,
    };
  }

  /** The signed line of an operation. */
  line<T extends OperationType>(type: T, args: ArgumentsOf<T>, twist?: Partial<Envelope>): string {
    const bytes = operationBytes(this.envelope(type, args, twist));
    return operationLine(bytes, this.sign(signedText(bytes)));
  }

  registrationLine(escrow: string | null = null, twist?: Partial<Envelope>): string {
    const { keys, role } = this;
    if (role === 'doctor')
      return this.line('user:register', { role, keys, profile: { name: 'Own' } }, twist);
    if (role === 'relative') return this.line('user:register', { role, keys }, twist);
    const epoch = { number: 1 as const, key: publicText(this.epoch.pair) };
    return this.line('user:register', { role, keys, epoch, escrow }, twist);
  }

  get epochSubject(): string {
    return `${this.userId}.${this.epoch.number}.${kidOf(publicText(this.epoch.pair))}`;
  }

  get self(): Recipient {
    return { id: this.userId, seal: this.keys.seal };
  }

  /** To whom the keys of a patient's reports are wrapped. */
  get vault(): Recipient {
    return { id: this.userId, seal: publicText(this.epoch.pair) };
  }

  async wrap(
    purpose: SentWrap['purpose'],
    subject: string,
    to: Recipient,
    secret: Uint8Array,
  ): Promise<SentWrap> {
    const binding = { purpose, subject, recipient: to.id, kid: kidOf(to.seal) };
    const recipientPublicKey = Buffer.from(to.seal, 'base64url');
    const wrapped = await wrapKey({ ...binding, ledger: 'records', recipientPublicKey, secret });
    return { ...binding, wrap: Buffer.from(wrapped).toString('base64url') };
  }

  /** A patient's first wraps: the vault's and the categories' key, for themselves and the hospital. */
  async firstWraps(hospital?: Recipient): Promise<SentWrap[]> {
    const epochKey = this.epoch.pair.privateKey;
    const { epochSubject, self, userId } = this;
    return [
      await this.wrap('epoch', epochSubject, self, epochKey),
      await this.wrap('tags', userId, self, this.tagKey),
      ...(hospital
        ? [
            await this.wrap('escrow', epochSubject, hospital, epochKey),
            await this.wrap('tags', userId, hospital, this.tagKey),
          ]
        : []),
    ];
  }

  /** Opens each wrap with what the one before it gave. @returns the last secret */
  async unwrap(wraps: readonly SentWrap[]): Promise<Uint8Array> {
    const held = [this.sealing, ...this.earlierSealing];
    const first = held.find((pair) => kidOf(publicText(pair)) === wraps[0]?.kid);
    let recipientPrivateKey: Uint8Array = (first ?? this.sealing).privateKey;
    for (const { wrap, ...binding } of wraps) {
      const wrapped = new Uint8Array(Buffer.from(wrap, 'base64url'));
      const bound = { ...binding, ledger: 'records' };
      recipientPrivateKey = await unwrapKey({ ...bound, recipientPrivateKey, wrapped });
    }
    return recipientPrivateKey;
  }

  /** A report that this person has encrypted, under the id that the gateway gave it. */
  seal(id: string, plain: Uint8Array, change?: SealedChange): SealedReport {
    return sealForm(id, plain, this.tagKey, change);
  }
}
