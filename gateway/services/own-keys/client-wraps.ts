// Wraps that clients make: the gateway names and stores them and never sees what is in them. It checks who may put which,
// since a wrap is stored once and whoever is first decides what lies under the name (docs/key-wraps.md).

import {
  kidOf,
  kidSchema,
  type ConsentTerms,
  type Patient,
  type Report,
  type User,
} from '@prms/chaincode';
import { activeKin, covers, holdsVault } from '@prms/chaincode/rules';
import { GatewayError } from '../../errors.js';
import type { WrapBinding } from '../../vault/index.js';
import type { Actor } from '../actor.js';
import type { Aftermath } from '../aftermath.js';
import type { Circle } from '../circle.js';
import { mustBeAllowedToAdd } from '../facts.js';
import { everyKeyOf } from '../past-keys.js';
import type { Records } from '../records.js';
import { epochSubject, type Vaults } from '../vaults.js';

export const clientPurposes = ['report', 'epoch', 'escrow', 'tags'] as const;

/** What a client makes and reads: one of the wraps around a patient's record. */
export interface ClientWrap {
  readonly purpose: (typeof clientPurposes)[number];
  readonly subject: string;
  readonly recipient: string;
  readonly kid: string;
  readonly wrapped: Uint8Array;
}

/** Who writes a report, and for which hospital. */
export type Author = Pick<Report, 'author'> & { readonly actingFor?: string | undefined };

/** Of a report that is not on the ledger yet; undefined when nobody here is about to add one of this id. */
export type AuthorOf = (patient: string, report: string) => Promise<Author | undefined>;

export class ClientWraps {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly vaults: Vaults;
      readonly circle: Circle;
      readonly authorOf: AuthorOf;
      readonly aftermath: Pick<Aftermath, 'run'>;
    },
  ) {}

  /**
   * Stores wraps around one patient's record: all of them are checked before the first is stored.
   * @returns for each, whether it was stored now; false when there is one of its name already, which stays. What the patient
   *   or a guardian makes takes the place of anybody else's
   * @throws GatewayError FORBIDDEN | REFUSED to an author who may add nothing any more | VALIDATION | NOT_FOUND | GONE |
   *   CLOUD_UNAVAILABLE
   */
  async put(actor: Actor, patientId: string, wraps: readonly ClientWrap[]): Promise<boolean[]> {
    // What a revocation still has to take away must not take away what is put now.
    await this.parts.aftermath.run();
    return this.parts.circle.alone(patientId, async () => {
      const patient = await this.parts.records.patient(patientId);
      for (const [at, wrap] of wraps.entries()) await this.#check(actor, patient, wrap, at);
      const trusted = standingAt(actor, patient, this.parts.records.now()) === 'owner';
      const stored: boolean[] = [];
      for (const { wrapped, ...binding } of wraps)
        stored.push(await this.parts.vaults.keep(binding, wrapped, trusted));
      return stored;
    });
  }

  /** One's own wrap of a kind that opens no report by itself: the present epoch's key, or the categories'. */
  async own(
    actor: Actor,
    patientId: string,
    purpose: 'epoch' | 'escrow' | 'tags',
  ): Promise<ClientWrap> {
    const patient = await this.parts.records.patient(patientId);
    return this.ownOf(actor.userId, {
      purpose,
      subject: purpose === 'tags' ? patient.id : epochSubject(patient),
    });
  }

  /** Somebody's wrap, under whichever of their keys it was made. @throws GatewayError NOT_FOUND */
  async ownOf(userId: string, what: Pick<ClientWrap, 'purpose' | 'subject'>): Promise<ClientWrap> {
    for (const { sealKey } of await everyKeyOf(this.parts.records, userId)) {
      const binding = { ...what, recipient: userId, kid: kidOf(sealKey) };
      const wrapped = await this.parts.vaults.find(binding);
      if (wrapped) return { ...binding, wrapped };
    }
    throw new GatewayError('NOT_FOUND', 'No such key has been wrapped for you.', {
      ids: { reader: userId },
    });
  }

  async #check(actor: Actor, patient: Patient, wrap: ClientWrap, at: number): Promise<void> {
    const standing = standingAt(actor, patient, this.parts.records.now());
    switch (wrap.purpose) {
      case 'tags':
        must(standing !== 'none', wrap);
        mustFit(wrap.subject === patient.id, at, 'subject', 'is not the patient’s id');
        return this.#checkRecipient(wrap, at);
      case 'escrow':
        must(standing === 'owner', wrap);
        mustBeEpoch(patient, wrap, at, 1);
        return this.#checkRecipient(wrap, at, 'hospital');
      case 'epoch':
        return this.#checkEpoch(standing, patient, wrap, at);
      case 'report':
        return this.#checkReport(actor, standing, patient, wrap, at);
    }
  }

  /** The present epoch's key for whoever joins the circle; the next epoch's, for all of it, before it begins. */
  async #checkEpoch(
    standing: Standing,
    patient: Patient,
    wrap: ClientWrap,
    at: number,
  ): Promise<void> {
    const { subject, recipient, kid } = wrap;
    const { number, key } = patient.epoch;
    must(standing !== 'none', wrap);
    if (subject.split('.').length === 2) {
      must(standing === 'owner', wrap);
      mustFit(
        recipient === patient.id,
        at,
        'recipient',
        'is not the patient, of whose vault this is',
      );
      const next = subject === `${patient.id}.${number}` && kidSchema.safeParse(kid).success;
      const present = subject === `${patient.id}.${number - 1}` && kid === kidOf(key);
      mustFit(next || present, at, 'subject', 'is no link to the present epoch or the next');
      return;
    }
    mustBeEpoch(patient, wrap, at, standing === 'owner' ? 1 : 0);
    await this.#checkRecipient(wrap, at);
  }

  /** Whoever holds the vault's key can open every report; an author has made their own report's key. */
  async #checkReport(
    actor: Actor,
    standing: Standing,
    patient: Patient,
    wrap: ClientWrap,
    at: number,
  ): Promise<void> {
    const report = await this.#report(patient.id, wrap.subject);
    const written = report ?? (await this.parts.authorOf(patient.id, wrap.subject));
    if (written === undefined)
      throw new GatewayError('NOT_FOUND', 'There is no such report.', {
        ids: { report: wrap.subject },
      });
    const isAuthor = written.author === actor.userId;
    must(isAuthor || (report !== undefined && standing !== 'none'), wrap);
    // Whoever has been let go may have kept the key; what they say of it counts no more.
    if (standing === 'none')
      await mustBeAllowedToAdd(this.parts.records, actor, patient, written.actingFor);
    if (report?.status === 'erased')
      throw new GatewayError('GONE', 'The report has been erased.', { ids: { report: report.id } });
    if (wrap.recipient !== patient.id || wrap.kid !== kidOf(patient.epoch.key)) {
      // Those who may consent wrap before they do; an author wraps for whom others have consented to.
      const given = standing !== 'none' || this.#isGiven(patient, wrap.recipient, report);
      mustFit(given, at, 'recipient', 'has no consent that covers this report');
      return this.#checkRecipient(wrap, at);
    }
    const epoch = report?.terms.epoch ?? patient.epoch.number;
    mustFit(epoch === patient.epoch.number, at, 'kid', 'is not of the epoch in which it was added');
  }

  /** Has somebody a consent now for which a report's key is wrapped? Of one to come, only partial ones can tell. */
  #isGiven(patient: Patient, recipient: string, report: Report | undefined): boolean {
    const now = this.parts.records.now();
    return patient.consents.some(({ status, terms }) => {
      const { effect, grantee, scope } = terms;
      const holds = status === 'active' && inForce(terms, now);
      const fits = report ? covers(scope, report) : scope.kind === 'partial';
      return holds && effect === 'permit' && grantee.id === recipient && fits;
    });
  }

  async #report(patient: string, id: string): Promise<Report | undefined> {
    try {
      return await this.parts.records.report(patient, id);
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** Somebody on the ledger, and the key that they have now. */
  async #checkRecipient(
    { recipient, kid }: ClientWrap,
    at: number,
    role?: User['role'],
  ): Promise<void> {
    const user = await this.parts.records.user(recipient);
    const admitted = role !== 'hospital' || ('admitted' in user && user.admitted);
    const fits = role === undefined || user.role === role;
    mustFit(fits && admitted, at, 'recipient', 'is not an admitted hospital');
    mustFit(kid === kidOf(user.keys.seal), at, 'kid', 'is not of the recipient’s present key');
  }
}

/** `owner`: the patient or a guardian, who also begin epochs; `holder`: a relative who consents; else nothing. */
type Standing = 'owner' | 'holder' | 'none';

export function standingAt(actor: Actor, patient: Patient, now: number): Standing {
  if (actor.userId === patient.id) return 'owner';
  const kin = activeKin(patient, actor.userId, now);
  if (!kin || !holdsVault(kin.rights)) return 'none';
  return kin.rights.includes('guardian') ? 'owner' : 'holder';
}

/** Within the time for which a consent was given. */
export function inForce({ notBefore, notAfter }: ConsentTerms, now: number): boolean {
  return now >= (notBefore ?? 0) && now < (notAfter ?? Number.POSITIVE_INFINITY);
}

/** @param ahead 1 when the next epoch's key may be wrapped, too: the ledger does not know it yet */
function mustBeEpoch(patient: Patient, { subject }: ClientWrap, at: number, ahead: 0 | 1): void {
  const next = new RegExp(`^${patient.id}\\.${patient.epoch.number + 1}\\.([A-Za-z0-9_-]{22})$`);
  const kid = next.exec(subject)?.[1];
  const isNext = ahead === 1 && kid !== undefined && kidSchema.safeParse(kid).success;
  const fits = subject === epochSubject(patient) || isNext;
  mustFit(fits, at, 'subject', 'is not the present epoch, nor the next');
}

function must(permitted: boolean, { purpose }: Pick<WrapBinding, 'purpose'>): void {
  if (permitted) return;
  throw new GatewayError('FORBIDDEN', `A wrap of this kind (${purpose}) is not yours to store.`);
}

function mustFit(fits: boolean, at: number, member: string, message: string): void {
  if (fits) return;
  const fields = [{ path: `body.wraps.${at}.${member}`, message }];
  throw new GatewayError('VALIDATION', `This wrap’s ${member} ${message}.`, { fields });
}
