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
import { derivePartKeys, openBlob, openCiphertext, type PartKeys } from '@prms/stego';
import { z } from 'zod';
import type { ApiAnswer, Visitor } from '../http/routes/testing-api.js';
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
import type { World } from './world.js';

export const sentReceiptSchema = z.looseObject({
  id: z.string(),
  status: z.string(),
  code: z.string().optional(),
  outcome: z.looseObject({ decision: z.string() }).optional(),
});
export type SentReceipt = z.infer<typeof sentReceiptSchema>;

const wrapSchema = z.object({
  purpose: z.enum(['report', 'epoch', 'escrow', 'tags']),
  subject: z.string(),
  recipient: z.string(),
  kid: z.string(),
  wrap: z.string(),
});
export type SentWrap = z.infer<typeof wrapSchema>;
type ClientPurpose = SentWrap['purpose'];
export const wrapsSchema = z.object({ wraps: z.array(wrapSchema) });
const storedSchema = z.object({ items: z.array(z.object({ stored: z.boolean() })) });
const openingSchema = z.looseObject({
  wraps: z.array(wrapSchema),
  label: z.string(),
  terms: z.looseObject({
    suite: z.enum(['A256GCM', 'A128GCM']),
    storage: z.string(),
    commitment: z.string(),
    parts: z.array(z.looseObject({ sha256: z.string() })),
  }),
});
type Opening = z.infer<typeof openingSchema>;
const titleSchema = z.looseObject({ title: z.string(), sha256: z.string() });

export const sentKeys = ({ position, whitening }: PartKeys) => ({
  position: Buffer.from(position).toString('base64url'),
  whitening: Buffer.from(whitening).toString('base64url'),
});

export const newPair = (): KeyPair => generateKeyPair((length) => randomBytes(length));
export const publicText = ({ publicKey }: KeyPair): string => encodePublicKey(publicKey);

export class OwnKeyPerson {
  signing: KeyPair;
  sealing = newPair();
  epoch = { number: 1, pair: newPair() };
  readonly tagKey = new Uint8Array(randomBytes(32));
  readonly userId: string;
  readonly visitor: Visitor;

  constructor(
    private readonly world: World,
    login: string,
    private readonly role: 'patient' | 'doctor' | 'relative' = 'patient',
    signing = newPair(),
  ) {
    this.signing = signing;
    this.userId = userIdOf(publicText(signing));
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

  /** Hands in a signed line. @returns what came back for it */
  async send(line: string): Promise<SentReceipt> {
    const answer = await fetch(`${this.world.url}/api/v1/operations`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.visitor.token}`,
        'content-type': 'application/x-ndjson',
      },
      body: `${line}\n`,
    });
    return sentReceiptSchema.parse(JSON.parse(await answer.text()));
  }

  /** Signs an operation and hands it in; it must be applied. */
  async act<T extends OperationType>(
    type: T,
    args: ArgumentsOf<T>,
    twist?: Partial<Envelope>,
  ): Promise<SentReceipt> {
    const receipt = await this.send(this.line(type, args, twist));
    if (receipt.status !== 'applied') throw new Error(`${type}: ${JSON.stringify(receipt)}`);
    return receipt;
  }

  // --- wraps

  get epochSubject(): string {
    return `${this.userId}.${this.epoch.number}.${kidOf(publicText(this.epoch.pair))}`;
  }

  async wrap(
    purpose: ClientPurpose,
    subject: string,
    to: { readonly id: string; readonly seal: string },
    secret: Uint8Array,
  ): Promise<SentWrap> {
    const binding = { purpose, subject, recipient: to.id, kid: kidOf(to.seal) };
    const recipientPublicKey = Buffer.from(to.seal, 'base64url');
    const wrapped = await wrapKey({ ...binding, ledger: 'records', recipientPublicKey, secret });
    return { ...binding, wrap: Buffer.from(wrapped).toString('base64url') };
  }

  get self(): { id: string; seal: string } {
    return { id: this.userId, seal: this.keys.seal };
  }

  async put(patient: string, wraps: readonly SentWrap[]): Promise<boolean[]> {
    const answer = await this.visitor.ask('PUT', `/patients/${patient}/wraps`, { wraps });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return storedSchema.parse(answer.body).items.map(({ stored }) => stored);
  }

  /** What a patient stores at the beginning: the vault's and the categories' key, for themselves and the hospital. */
  async furnish(hospital?: { readonly id: string; readonly seal: string }): Promise<void> {
    const epochKey = this.epoch.pair.privateKey;
    const { epochSubject, self, userId } = this;
    await this.put(userId, [
      await this.wrap('epoch', epochSubject, self, epochKey),
      await this.wrap('tags', userId, self, this.tagKey),
      ...(hospital
        ? [
            await this.wrap('escrow', epochSubject, hospital, epochKey),
            await this.wrap('tags', userId, hospital, this.tagKey),
          ]
        : []),
    ]);
  }

  // --- reading

  async ask(
    patient: string,
    report: string,
    more: Partial<ArgumentsOf<'access:request'>> = {},
  ): Promise<SentReceipt> {
    const args = { patient, report, action: 'view', purpose: 'treatment', ...more } as const;
    return this.act('access:request', args);
  }

  async opening(patient: string, report: string, access: string): Promise<Opening> {
    const path = `/patients/${patient}/reports/${report}/sealed`;
    return this.visitor.post(path, { access }, openingSchema);
  }

  /** Opens each wrap with what the one before it gave. @returns the last secret */
  async unwrap(wraps: readonly SentWrap[]): Promise<Uint8Array> {
    let recipientPrivateKey: Uint8Array = this.sealing.privateKey;
    for (const { wrap, ...binding } of wraps) {
      const wrapped = new Uint8Array(Buffer.from(wrap, 'base64url'));
      const bound = { ...binding, ledger: 'records' };
      recipientPrivateKey = await unwrapKey({ ...bound, recipientPrivateKey, wrapped });
    }
    return recipientPrivateKey;
  }

  async ciphertext(
    patient: string,
    report: string,
    access: string,
    parts: readonly PartKeys[],
  ): Promise<ApiAnswer> {
    const path = `/patients/${patient}/reports/${report}/ciphertext`;
    return this.visitor.ask('POST', path, { access, parts: parts.map(sentKeys) });
  }

  /** From asking to plaintext. */
  async read(
    patient: string,
    report: string,
    more: Partial<ArgumentsOf<'access:request'>> = {},
  ): Promise<{ bytes: Uint8Array; title: string }> {
    const { id: access } = await this.ask(patient, report, more);
    const { terms, wraps, label } = await this.opening(patient, report, access);
    const dataKey = await this.unwrap(wraps);
    const keys = terms.parts.map((_, i) => derivePartKeys(dataKey, terms.suite, i + 1));
    const { bytes: found, status, body } = await this.ciphertext(patient, report, access, keys);
    if (status !== 200) throw new Error(JSON.stringify(body));
    const aad = Buffer.from(`PRMS-report-v1\0${report}`, 'utf8');
    const opened = openBlob(dataKey, aad, Buffer.from(label, 'base64url'));
    const { title } = titleSchema.parse(JSON.parse(Buffer.from(opened).toString('utf8')));
    return { bytes: openCiphertext(dataKey, terms.suite, found), title };
  }

  /** A report that this person has encrypted, under the id that the gateway gave it. */
  seal(id: string, plain: Uint8Array, change?: SealedChange): SealedReport {
    return sealForm(id, plain, this.tagKey, change);
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
