// Consents: the ledger decides, the vaults follow. What a grantee needs to open is wrapped before the grant is on the
// ledger, and taken away after the revocation is.

import { consentTermsSchema, REFUSALS } from '@prms/chaincode/model';
import type { Consent, ConsentTerms, Page, Patient, Report, Scope } from '@prms/chaincode';
import {
  activeKin,
  covers,
  holdsEpoch,
  standsFor,
  mayConsent,
  mayTakeBack,
  type Ruling,
} from '@prms/chaincode/rules';
import { GatewayError, validationError } from '../errors.js';
import { unsealerOf, type Actor } from './actor.js';
import type { Aftermath } from './aftermath.js';
import { tagOf, type Circle } from './circle.js';
import { standingOf } from './facts.js';
import type { AppliedReceipt, PageRequest, Records } from './records.js';
import { everyKeyOf } from './past-keys.js';
import { recipientOf, type OpenEpoch, type Vaults } from './vaults.js';

/** As the ledger's, but with categories in plain words. */
export type PlainScope =
  | Exclude<Scope, { kind: 'partial' }>
  | (Omit<Extract<Scope, { kind: 'partial' }>, 'tags'> & {
      readonly categories?: readonly string[] | undefined;
    });
export type PlainTerms = Omit<ConsentTerms, 'scope'> & { readonly scope: PlainScope };

export class Consents {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly vaults: Vaults;
      readonly circle: Circle;
      readonly aftermath: Pick<Aftermath, 'done'>;
    },
  ) {}

  grant(
    actor: Actor,
    patientId: string,
    plain: PlainTerms,
  ): Promise<{ receipt: AppliedReceipt; id: string }> {
    return this.parts.circle.inStep(patientId, async (patient, vault) => {
      const { records } = this.parts;
      const terms = await this.#opaque(actor, patient, plain);
      await this.#mustBeAllowed(actor, patient, terms);
      const wrapped = await this.#wrapFor(actor, patient, terms);
      const args = { patient: patientId, terms, ...(holdsEpoch(terms) && { vault }) };
      const receipt = await records.act(actor, 'consent:grant', args, patientId);
      await this.#wrapLate(actor, patient, terms, wrapped);
      return { receipt, id: receipt.id };
    });
  }

  amend(
    actor: Actor,
    patientId: string,
    id: string,
    change: { terms: PlainTerms; replaces: number },
  ): Promise<{ receipt: AppliedReceipt }> {
    return this.parts.circle.inStep(patientId, async (patient, vault) => {
      const { records, circle } = this.parts;
      const before = consentOf(patient, id);
      const terms = await this.#opaque(actor, patient, change.terms);
      await this.#mustBeAllowed(actor, patient, terms);
      const wrapped = await this.#wrapFor(actor, patient, terms);
      const leaves = holdsEpoch(before.terms) && !holdsEpoch(terms);
      if (leaves) await this.#mustTakeBack(actor, patient, before.terms);
      const epoch = leaves ? await circle.renew(actor, patient, { consent: id }) : undefined;
      const args = {
        patient: patientId,
        id,
        replaces: change.replaces,
        terms,
        ...(epoch && { epoch }),
        ...((epoch ?? holdsEpoch(terms)) && { vault }),
      };
      const receipt = await records.act(actor, 'consent:amend', args, patientId);
      await this.#wrapLate(actor, epoch ? { ...patient, epoch } : patient, terms, wrapped);
      await this.#unwrap(patient, before, terms);
      await this.parts.aftermath.done(receipt.id);
      return { receipt };
    });
  }

  revoke(
    actor: Actor,
    patientId: string,
    id: string,
    { replaces }: { replaces: number },
  ): Promise<{ receipt: AppliedReceipt }> {
    return this.parts.circle.inStep(patientId, async (patient, vault) => {
      const { records, circle } = this.parts;
      const consent = consentOf(patient, id);
      await this.#mustTakeBack(actor, patient, consent.terms);
      const epoch =
        consent.status === 'active' && holdsEpoch(consent.terms)
          ? await circle.renew(actor, patient, { consent: id })
          : undefined;
      const args = { patient: patientId, id, replaces, ...(epoch && { epoch, vault }) };
      const receipt = await records.act(actor, 'consent:revoke', args, patientId);
      await this.#unwrap(patient, consent, null);
      await this.parts.aftermath.done(receipt.id);
      return { receipt };
    });
  }

  /** The patient's consents, for the patient and the relatives who act for them. */
  async list(actor: Actor, patientId: string): Promise<readonly Consent[]> {
    const patient = await this.parts.records.patient(patientId);
    const kin = activeKin(patient, actor.userId, this.parts.records.now());
    if (actor.userId !== patientId && !kin && actor.role !== 'auditor') {
      throw new GatewayError('FORBIDDEN', 'Only the patient and their relatives see all consents.');
    }
    return patient.consents;
  }

  /** What others have granted to this user or hospital. */
  received(
    actor: Actor,
    page: PageRequest,
  ): Promise<Page<{ readonly patient: string; readonly consent: Consent }>> {
    return this.parts.records.grants(actor.userId, page);
  }

  async explain(
    actor: Actor,
    patientId: string,
    question: {
      actor: string;
      report: string;
      action: string;
      purpose: string;
      actingFor?: string | undefined;
    },
  ): Promise<unknown> {
    if (question.actor === actor.userId)
      await this.#mustActFor(actor, patientId, question.actingFor);
    else await this.list(actor, patientId);
    return this.parts.records.explain({
      ...question,
      patient: patientId,
      now: this.parts.records.now(),
    });
  }

  /** What was granted to a hospital is for its own doctors to know. */
  async #mustActFor(actor: Actor, patientId: string, actingFor: string | undefined): Promise<void> {
    if (actingFor === undefined) return;
    const { records } = this.parts;
    const patient = await records.patient(patientId);
    const standing = await standingOf(records, actor, patient, actingFor);
    const ruling = standsFor(standing.actor, actingFor, standing);
    if (!ruling.permit)
      throw new GatewayError(
        'REFUSED',
        `You do not act for this hospital. ${REFUSALS[ruling.code]}`,
        {
          reason: ruling.code,
          ids: { hospital: actingFor },
        },
      );
  }

  async #opaque(
    actor: Actor,
    patient: Patient,
    { scope, ...terms }: PlainTerms,
  ): Promise<ConsentTerms> {
    if (scope.kind !== 'partial') return { ...terms, scope };
    const { categories, ...filters } = scope;
    if (!categories) return { ...terms, scope: filters };
    const tagKey = await this.parts.vaults.openTagKey(patient.id, unsealerOf(actor));
    return {
      ...terms,
      scope: {
        ...filters,
        tags: [...new Set(categories.map((category) => tagOf(tagKey, category)))],
      },
    };
  }

  /** Said before anything is wrapped: a refused grant must leave no key behind. The ledger decides again. */
  async #mustBeAllowed(actor: Actor, patient: Patient, terms: ConsentTerms): Promise<void> {
    const read = consentTermsSchema.safeParse(terms);
    if (!read.success) throw validationError('body.terms', read.error);
    const { records } = this.parts;
    const user = await records.user(actor.userId);
    mustPermit(mayConsent(patient, user, terms, records.now()), patient);
  }

  /** Said before an epoch is renewed, for the same reason. */
  async #mustTakeBack(actor: Actor, patient: Patient, terms: ConsentTerms): Promise<void> {
    const { records } = this.parts;
    const user = await records.user(actor.userId);
    mustPermit(mayTakeBack(patient, user, terms, records.now()), patient);
  }

  /** @returns the reports whose keys were wrapped one by one */
  async #wrapFor(
    actor: Actor,
    patient: Patient,
    terms: ConsentTerms,
  ): Promise<ReadonlySet<string>> {
    if (terms.effect === 'deny') return NONE;
    const { records, vaults, circle } = this.parts;
    const grantee = recipientOf(await records.user(terms.grantee.id));
    if (terms.actions.includes('upload')) await circle.shareTags(actor, patient, grantee);
    if (terms.actions.every((action) => action === 'upload')) return NONE;
    const epoch = await circle.open(actor, patient);
    if (!holdsEpoch(terms)) return this.#giveCovered(patient, epoch, terms, NONE);
    await vaults.giveEpoch(patient, epoch, grantee);
    return NONE;
  }

  /**
   * A report that another gateway has anchored while this consent was on its way: whoever anchored it looks for new consents
   * afterwards, and whoever consented for new reports, so that one of the two sees the other.
   */
  async #wrapLate(
    actor: Actor,
    patient: Patient,
    terms: ConsentTerms,
    wrapped: ReadonlySet<string>,
  ): Promise<void> {
    const reads = terms.actions.some((action) => action !== 'upload');
    if (terms.effect === 'deny' || terms.scope.kind !== 'partial' || !reads) return;
    const epoch = await this.parts.circle.open(actor, patient);
    await this.#giveCovered(patient, epoch, terms, wrapped);
  }

  async #giveCovered(
    patient: Patient,
    epoch: OpenEpoch,
    { grantee, scope }: ConsentTerms,
    given: ReadonlySet<string>,
  ): Promise<ReadonlySet<string>> {
    const { records, vaults } = this.parts;
    const recipient = recipientOf(await records.user(grantee.id));
    const covered = new Set<string>();
    for await (const report of this.#covered(patient.id, scope)) {
      covered.add(report.id);
      if (given.has(report.id)) continue;
      const dataKey = await vaults.dataKeyByEpoch(patient, report, epoch);
      await vaults.giveReport(report.id, dataKey, recipient);
    }
    return covered;
  }

  /** Takes away what only this consent gave. */
  async #unwrap(patient: Patient, ended: Consent, next: ConsentTerms | null): Promise<void> {
    if (ended.terms.effect === 'deny') return;
    const { records, vaults, circle } = this.parts;
    const grantee = ended.terms.grantee;
    const keys = await everyKeyOf(records, grantee.id);
    if (holdsEpoch(ended.terms)) {
      if (!circle.stays(patient, grantee.id, { consent: ended.id }))
        for (const every of keys) await vaults.takeEpoch(patient, every);
      return;
    }
    const others = patient.consents.filter(
      (c) =>
        c.id !== ended.id &&
        c.status === 'active' &&
        c.terms.effect === 'permit' &&
        c.terms.grantee.id === grantee.id,
    );
    const stillGiven = [
      ...others.map((c) => c.terms.scope),
      ...(next?.effect === 'permit' ? [next.scope] : []),
    ];
    for await (const report of this.#covered(patient.id, ended.terms.scope)) {
      if (!stillGiven.some((scope) => covers(scope, report)))
        for (const every of keys) await vaults.takeReport(report.id, every);
    }
  }

  async *#covered(patient: string, scope: Scope): AsyncIterable<Report> {
    for await (const report of this.parts.records.all((page) =>
      this.parts.records.reports(patient, page),
    )) {
      if (report.status !== 'erased' && covers(scope, report)) yield report;
    }
  }
}

const NONE: ReadonlySet<string> = new Set();

function consentOf(patient: Patient, id: string): Consent {
  const consent = patient.consents.find((c) => c.id === id);
  if (consent) return consent;
  throw new GatewayError('NOT_FOUND', 'There is no such consent.', { ids: { consent: id } });
}

function mustPermit(ruling: Ruling, patient: Patient): void {
  if (ruling.permit) return;
  throw new GatewayError(
    'REFUSED',
    `This consent is not yours to change. ${REFUSALS[ruling.code]}`,
    {
      reason: ruling.code,
      ids: { patient: patient.id },
    },
  );
}
