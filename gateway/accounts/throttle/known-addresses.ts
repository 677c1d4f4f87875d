// From where an account has been used lately: keyed hashes of a few addresses, so that a crowd of strangers under its
// name does not shut it out at home, even without a device token.
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../ambient.js';
import { Documents, type Store } from '../../store/index.js';

const schema = z.strictObject({
  addresses: z.array(z.strictObject({ hash: z.string(), at: z.int() })).max(100),
});
type Known = z.infer<typeof schema>;

/** An address that is known already is written again at most so often. */
const NOTE_EVERY_MS = 24 * 60 * 60_000;

export class KnownAddresses {
  private readonly documents: Documents<Known>;

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly clock: Clock;
      readonly key: Uint8Array;
      readonly lifeMs: number;
      /** Of one account. */
      readonly most: number;
    },
  ) {
    this.documents = new Documents(parts.store, 'known-addresses', schema);
  }

  /** One read, whether the account exists or not. */
  async includes(account: string, address: string): Promise<boolean> {
    const known = await this.documents.get(account);
    const hash = this.hash(account, address);
    return known?.addresses.some((each) => each.hash === hash && !this.isOld(each.at)) ?? false;
  }

  /** After a log-in from there. */
  async note(account: string, address: string): Promise<void> {
    const now = this.parts.clock.now();
    const hash = this.hash(account, address);
    const found = (await this.documents.get(account))?.addresses.find((each) => each.hash === hash);
    if (found !== undefined && now - found.at < NOTE_EVERY_MS) return;
    await this.documents.update(account, (present) => {
      const others = (present?.addresses ?? []).filter(
        (each) => each.hash !== hash && !this.isOld(each.at),
      );
      return { addresses: [{ hash, at: now }, ...others].slice(0, this.parts.most) };
    });
  }

  private isOld(at: number): boolean {
    return this.parts.clock.now() - at >= this.parts.lifeMs;
  }

  private hash(account: string, address: string): string {
    const mac = createHmac('sha256', this.parts.key);
    return mac.update(`${account}\0${address}`, 'utf8').digest('base64url');
  }
}
