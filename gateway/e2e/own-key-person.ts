// Somebody who keeps their own keys, for tests: signs operations as a client would and sends them.
import { randomBytes } from 'node:crypto';
import {
  operationId,
  possessionText,
  type ArgumentsOf,
  type Envelope,
  type OperationType,
} from '@prms/chaincode';
import { derivePartKeys, openBlob, openCiphertext, type PartKeys } from '@prms/stego';
import { z } from 'zod';
import type { Clock } from '../ambient.js';
import type { ApiAnswer, Visitor } from '../http/routes/testing-api.js';
import { loginText } from '../services/own-keys/index.js';
import {
  newPair,
  OwnKeys,
  publicText,
  sentKeys,
  wrapSchema,
  type Recipient,
  type SentWrap,
} from '../own-key-client/index.js';
import { signP256, type KeyPair } from '../vault/index.js';

export { newPair, publicText, sentKeys, type SentWrap };

export const sentReceiptSchema = z.looseObject({
  id: z.string(),
  status: z.string(),
  code: z.string().optional(),
  outcome: z.looseObject({ decision: z.string() }).optional(),
});
export type SentReceipt = z.infer<typeof sentReceiptSchema>;

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

/** Where the gateway is, and what time it is there. */
export interface Place {
  readonly url: string;
  readonly clock: Clock;
  visitor(login: string): Visitor;
}

export class OwnKeyPerson extends OwnKeys {
  readonly visitor: Visitor;

  constructor(
    private readonly place: Place,
    login: string,
    role?: 'patient' | 'doctor' | 'relative',
    signing?: KeyPair,
  ) {
    super(() => place.clock.now(), role, signing);
    this.visitor = place.visitor(login);
    this.visitor.userId = this.userId;
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
    const answer = await fetch(`${this.place.url}/api/v1/operations`, {
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

  async put(patient: string, wraps: readonly SentWrap[]): Promise<boolean[]> {
    const answer = await this.visitor.ask('PUT', `/patients/${patient}/wraps`, { wraps });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return storedSchema.parse(answer.body).items.map(({ stored }) => stored);
  }

  /** What a patient stores at the beginning. */
  async furnish(hospital?: Recipient): Promise<void> {
    await this.put(this.userId, await this.firstWraps(hospital));
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

  /** New keys, and the signed operation that puts them in place of the present ones. */
  rotation(replaces: number): { id: string; line: string; take: () => void } {
    const [signing, sealing] = [newPair(), newPair()];
    const issuedAt = this.place.clock.now();
    const id = operationId(issuedAt, randomBytes(10));
    const text = Buffer.from(possessionText(this.userId, id), 'utf8');
    const proof = Buffer.from(signP256(signing.privateKey, text)).toString('base64url');
    const keys = { sign: publicText(signing), seal: publicText(sealing) };
    const line = this.line('key:rotate', { keys, proof, replaces }, { id, issuedAt });
    const take = () => {
      this.earlierSealing.push(this.sealing);
      Object.assign(this, { signing, sealing });
    };
    return { id, line, take };
  }
}
