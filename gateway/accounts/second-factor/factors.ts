// What a user has enrolled, as one sealed document: secrets, names of passkeys and hashes of codes rest under the
// master key, and each change is made to the state that was read, so that nothing counts twice.
import { z } from 'zod';
import { Documents, type Store } from '../../store/index.js';
import type { MasterKey } from '../../vault/index.js';

const passkeySchema = z.strictObject({
  /** The credential's id, as the authenticator chose it. */
  credential: z.string(),
  /** For which site it was made: it counts there only. */
  rpId: z.string(),
  name: z.string(),
  /** COSE, base64url. */
  publicKey: z.string(),
  counter: z.int().min(0),
  transports: z.array(z.string()),
  createdAt: z.int(),
  lastUsedAt: z.int().optional(),
});
export type Passkey = Readonly<z.infer<typeof passkeySchema>>;

const factorsSchema = z.strictObject({
  v: z.literal(1),
  totp: z
    .strictObject({
      secret: z.string(),
      /** The latest step whose code was taken. */
      usedStep: z.int(),
      createdAt: z.int(),
      lastUsedAt: z.int().optional(),
    })
    .nullable(),
  passkeys: z.array(passkeySchema),
  /** Hashes of the codes that are not spent. */
  codes: z.array(z.string()),
  /** When the account's password was last reset by its recovery code. */
  resetAt: z.int().optional(),
});
export type Factors = Readonly<z.infer<typeof factorsSchema>>;

const NONE: Factors = { v: 1, totp: null, passkeys: [], codes: [] };
const CONTEXT = 'second-factors';

export const hasFactor = ({ totp, passkeys }: Factors): boolean =>
  totp !== null || passkeys.length > 0;

export class FactorStore {
  private readonly documents: Documents<{ sealed: string }>;

  constructor(
    store: Store,
    private readonly master: MasterKey,
  ) {
    this.documents = new Documents(store, CONTEXT, z.strictObject({ sealed: z.string() }));
  }

  async get(userId: string): Promise<Factors> {
    return this.open(userId, await this.documents.get(userId));
  }

  /**
   * Changes a user's factors, on disk before it answers. `change` may run several times, each time with what is stored
   * at that moment; what it throws leaves everything as it was.
   * @returns what it made, as it is stored
   */
  async update(userId: string, change: (present: Factors) => Factors): Promise<Factors> {
    let next: Factors = NONE;
    const seal = (factors: Factors) => {
      const plain = Buffer.from(JSON.stringify(factors), 'utf8');
      const sealed = this.master.sealUnderMaster(CONTEXT, userId, plain);
      return { sealed: Buffer.from(sealed).toString('base64url') };
    };
    const changed = (stored: { readonly sealed: string } | undefined) =>
      (next = change(this.open(userId, stored)));
    await this.documents.update(userId, (stored) => seal(changed(stored)), { sync: true });
    return next;
  }

  async forget(userId: string): Promise<void> {
    await this.documents.delete(userId, { sync: true });
  }

  private open(userId: string, stored: { readonly sealed: string } | undefined): Factors {
    if (stored === undefined) return NONE;
    const sealed = Buffer.from(stored.sealed, 'base64url');
    const plain = this.master.openUnderMaster(CONTEXT, userId, sealed);
    return factorsSchema.parse(JSON.parse(Buffer.from(plain).toString('utf8')));
  }
}
