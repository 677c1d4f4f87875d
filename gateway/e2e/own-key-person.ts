// Somebody who keeps their own keys, for tests: signs operations as a client would and sends them.
import { randomBytes } from 'node:crypto';
import {
  kidOf,
  lifeMsOf,
  operationBytes,
  operationId,
  operationLine,
  possessionText,
  signedText,
  userIdOf,
  type ArgumentsOf,
  type Envelope,
  type OperationType,
} from '@prms/chaincode';
import { z } from 'zod';
import type { Visitor } from '../http/routes/testing-api.js';
import { loginText } from '../services/own-keys/index.js';
import { encodePublicKey, generateKeyPair, signP256, type KeyPair } from '../vault/index.js';
import type { World } from './world.js';

export const sentReceiptSchema = z.looseObject({
  id: z.string(),
  status: z.string(),
  code: z.string().optional(),
  outcome: z.looseObject({ decision: z.string() }).optional(),
});
export type SentReceipt = z.infer<typeof sentReceiptSchema>;

export const newPair = (): KeyPair => generateKeyPair((length) => randomBytes(length));
export const publicText = ({ publicKey }: KeyPair): string => encodePublicKey(publicKey);

export class OwnKeyPerson {
  signing = newPair();
  sealing = newPair();
  epoch = { number: 1, pair: newPair() };
  readonly userId = userIdOf(publicText(this.signing));
  readonly visitor: Visitor;

  constructor(
    private readonly world: World,
    login: string,
    private readonly role: 'patient' | 'doctor' | 'relative' = 'patient',
  ) {
    this.visitor = world.visitor(login);
    this.visitor.userId = this.userId;
  }

  get keys(): { sign: string; seal: string } {
    return { sign: publicText(this.signing), seal: publicText(this.sealing) };
  }

  sign(text: string): string {
    const signature = signP256(this.signing.privateKey, Buffer.from(text, 'utf8'));
    return Buffer.from(signature).toString('base64url');
  }

  envelope<T extends OperationType>(
    type: T,
    args: ArgumentsOf<T>,
    twist: Partial<Envelope> = {},
  ): Envelope {
    const issuedAt = twist.issuedAt ?? this.world.clock.now();
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

  registration(line = this.registrationLine()): object {
    const { login, password } = this.visitor;
    const details = this.role === 'doctor' ? {} : { details: { name: 'Olga Own' } };
    return { login, password, line, ...details };
  }

  async register(escrow: string | null = null): Promise<this> {
    const body = this.registration(this.registrationLine(escrow));
    const schema = z.looseObject({ userId: z.string(), recoveryCode: z.string() });
    const { recoveryCode } = await this.visitor.post('/register/own-keys', body, schema);
    this.visitor.recoveryCode = recoveryCode;
    await this.visitor.logIn();
    return this;
  }

  /** An answer to a fresh challenge, perhaps spoilt. */
  async answer(spoil: { origin?: string; ledger?: string; userId?: string } = {}): Promise<{
    userId: string;
    challenge: string;
    signature: string;
    kind: 'bearer';
  }> {
    const { userId } = this;
    const schema = z.object({
      challenge: z.string(),
      origin: z.string(),
      ledger: z.string(),
      expiresAt: z.int(),
    });
    const given = await this.visitor.post('/key-logins/challenges', { userId }, schema);
    const text = loginText(
      spoil.origin ?? given.origin,
      spoil.ledger ?? given.ledger,
      spoil.userId ?? userId,
      given.challenge,
    );
    return { userId, challenge: given.challenge, signature: this.sign(text), kind: 'bearer' };
  }

  /** Logs in with a signature. */
  async logIn(): Promise<this> {
    this.visitor.token = '';
    const schema = z.looseObject({ token: z.string() });
    const answer = await this.answer();
    this.visitor.token = (await this.visitor.post('/key-logins', answer, schema)).token;
    return this;
  }

  /** New keys, and the signed operation that puts them in place of the present ones. */
  rotation(replaces: number): { line: string; take: () => void } {
    const [signing, sealing] = [newPair(), newPair()];
    const id = operationId(this.world.clock.now(), randomBytes(10));
    const text = Buffer.from(possessionText(this.userId, id), 'utf8');
    const proof = Buffer.from(signP256(signing.privateKey, text)).toString('base64url');
    const keys = { sign: publicText(signing), seal: publicText(sealing) };
    const line = this.line('key:rotate', { keys, proof, replaces }, { id });
    return { line, take: () => Object.assign(this, { signing, sealing }) };
  }
}
