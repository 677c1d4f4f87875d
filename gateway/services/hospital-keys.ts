// A hospital's unsealing keys rest at its gateway under the master key, so that the gateway can open, for doctors whom
// the rules admit, what was wrapped for the hospital: nobody of its office need be logged in. They are at that gateway
// only, so what rests on them is served there.

import { z } from 'zod';
import { GatewayError } from '../errors.js';
import { Documents, type Store } from '../store/index.js';
import type { MasterKey, PrivateKeyEntry } from '../vault/index.js';
import type { Unsealer } from './actor.js';
import type { Records } from './records.js';

const sealedSchema = z.strictObject({
  keys: z.array(z.strictObject({ kid: z.string(), sealed: z.string() })),
});

export class HospitalKeys {
  readonly #documents: Documents<z.infer<typeof sealedSchema>>;

  constructor(
    store: Store,
    private readonly master: MasterKey,
    private readonly records: Pick<Records, 'user'>,
  ) {
    this.#documents = new Documents(store, 'hospital-keys', sealedSchema);
  }

  /** Adds a key; earlier ones stay, for what was wrapped for them. */
  async add(hospital: string, { kid, privateKey }: PrivateKeyEntry): Promise<void> {
    const sealed = Buffer.from(
      this.master.sealUnderMaster('hospital-key', `${hospital}.${kid}`, privateKey),
    ).toString('base64url');
    await this.#documents.update(
      hospital,
      (present) => ({ keys: [...(present?.keys ?? []), { kid, sealed }] }),
      { sync: true },
    );
  }

  /** Is this the hospital's own gateway? */
  async has(hospital: string): Promise<boolean> {
    return (await this.#documents.get(hospital)) !== undefined;
  }

  /** @throws GatewayError ELSEWHERE */
  async mustBeHere(hospital: string): Promise<void> {
    if (!(await this.has(hospital))) throw await this.elsewhere(hospital);
  }

  /** Says where to ask instead. */
  async elsewhere(hospital: string): Promise<GatewayError> {
    const user = await this.records.user(hospital);
    const whose = user.role === 'hospital' ? ` of ${user.profile.name}` : '';
    return new GatewayError(
      'ELSEWHERE',
      `The keys for this are at the gateway${whose} only: ask there.`,
      { ids: { hospital } },
    );
  }

  /** @throws GatewayError ELSEWHERE when the hospital is at another gateway */
  async unsealer(hospital: string): Promise<Unsealer> {
    const document = await this.#documents.get(hospital);
    if (!document) throw await this.elsewhere(hospital);
    const unsealing = document.keys.map(({ kid, sealed }) => ({
      use: 'unseal' as const,
      kid,
      privateKey: this.master.openUnderMaster(
        'hospital-key',
        `${hospital}.${kid}`,
        Buffer.from(sealed, 'base64url'),
      ),
    }));
    return { userId: hospital, unsealing };
  }
}
