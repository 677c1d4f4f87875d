// What a hospital requires of its staff when they log in: of the doctors whom it has authorised, and of its own
// account. Kept at this gateway; the strictest of a doctor's hospitals counts.
import { z } from 'zod';
import type { Clock } from '../../ambient.js';
import { Documents, type Store } from '../../store/index.js';
import type { AccountRole } from '../accounts.js';

const policySchema = z.strictObject({
  secondFactor: z.enum(['optional', 'required']),
  /** From when on; milliseconds since the epoch. */
  from: z.int().min(0),
});
export type SignInPolicy = Readonly<z.infer<typeof policySchema>>;

const OPTIONAL: SignInPolicy = { secondFactor: 'optional', from: 0 };

export class SignInPolicies {
  private readonly documents: Documents<SignInPolicy>;
  /** Hospitals that require something, now or later, and from when. Few: read once, kept in step. */
  private strict: Promise<Map<string, number>> | undefined;

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly clock: Clock;
      /** The hospitals that have authorised a doctor. */
      readonly hospitalsOf: (doctor: string) => Promise<readonly string[]>;
    },
  ) {
    this.documents = new Documents(parts.store, 'sign-in-policies', policySchema);
  }

  async get(hospital: string): Promise<SignInPolicy> {
    return (await this.documents.get(hospital)) ?? OPTIONAL;
  }

  async set(hospital: string, policy: SignInPolicy): Promise<void> {
    const strict = await this.all();
    await this.documents.put(hospital, policy, { sync: true });
    if (policy.secondFactor === 'required') strict.set(hospital, policy.from);
    else strict.delete(hospital);
  }

  /** From when on a second factor is required of somebody; `undefined`: of their own free will only. */
  async requiredFrom(who: { userId: string; role: AccountRole }): Promise<number | undefined> {
    const strict = await this.all();
    if (strict.size === 0) return undefined;
    const hospitals = await this.hospitalsOf(who);
    const instants = hospitals.flatMap((hospital) => strict.get(hospital) ?? []);
    return instants.length === 0 ? undefined : Math.min(...instants);
  }

  async isRequired(who: { userId: string; role: AccountRole }): Promise<boolean> {
    const from = await this.requiredFrom(who);
    return from !== undefined && from <= this.parts.clock.now();
  }

  private async hospitalsOf({
    userId,
    role,
  }: {
    userId: string;
    role: AccountRole;
  }): Promise<readonly string[]> {
    if (role === 'hospital') return [userId];
    return role === 'doctor' ? this.parts.hospitalsOf(userId) : [];
  }

  private all(): Promise<Map<string, number>> {
    this.strict ??= this.read().catch((error: unknown) => {
      // Asked again next time: a policy must not be overlooked because the store failed once.
      this.strict = undefined;
      throw error;
    });
    return this.strict;
  }

  private async read(): Promise<Map<string, number>> {
    const strict = new Map<string, number>();
    for await (const { key, value } of this.documents.list()) {
      if (value.secondFactor === 'required') strict.set(key, value.from);
    }
    return strict;
  }
}
