// Relatives: links with rights, and the keys that come with them.

import { REFUSALS } from '@prms/chaincode/model';
import type { KinLink, KinRight, Page, Patient } from '@prms/chaincode';
import { all, holdsVault, mayManageKin, soundRights, withinOwnEnd } from '@prms/chaincode/rules';
import { GatewayError } from '../errors.js';
import type { Actor } from './actor.js';
import type { Aftermath } from './aftermath.js';
import type { Circle } from './circle.js';
import type { Consultations } from './consultations/index.js';
import type { Details, PatientFiles } from './patient-files.js';
import { everyKeyOf } from './past-keys.js';
import type { AppliedReceipt, PageRequest, Records } from './records.js';
import { recipientOf, type Vaults } from './vaults.js';

export interface KinTerms {
  readonly rights: KinRight[];
  readonly notAfter?: number | undefined;
}

/** A patient whose relative somebody is. */
export interface KinOf {
  readonly patient: string;
  readonly link: KinLink;
  /** While the link is in force. */
  readonly details?: Details;
}

/** A link as the patient sees it. */
export type NamedLink = KinLink & { readonly details?: Pick<Details, 'name'> };

export class Kin {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly vaults: Vaults;
      readonly circle: Circle;
      readonly aftermath: Pick<Aftermath, 'done'>;
      readonly files: PatientFiles;
      readonly consultations: Pick<Consultations, 'handOn'>;
    },
  ) {}

  link(
    actor: Actor,
    patientId: string,
    { relative, ...terms }: KinTerms & { relative: string },
  ): Promise<{ receipt: AppliedReceipt; id: string }> {
    return this.parts.circle.inStep(patientId, async (patient, vault) => {
      const { records } = this.parts;
      await this.#mustBeAllowed(actor, patient, terms);
      await this.#equip(actor, patient, relative, terms.rights);
      const receipt = await records.act(
        actor,
        'kin:link',
        {
          patient: patientId,
          relative,
          ...terms,
          ...(holdsVault(terms.rights) && { vault }),
        },
        patientId,
      );
      if (terms.rights.includes('guardian'))
        await this.parts.consultations.handOn(actor, patientId);
      return { receipt, id: receipt.id };
    });
  }

  amend(
    actor: Actor,
    patientId: string,
    id: string,
    { replaces, ...terms }: KinTerms & { replaces: number },
  ): Promise<{ receipt: AppliedReceipt }> {
    return this.parts.circle.inStep(patientId, async (patient, vault) => {
      const { records, circle } = this.parts;
      const link = linkOf(patient, id);
      await this.#mustBeAllowed(actor, patient, terms);
      await this.#equip(actor, patient, link.relative, terms.rights);
      const leaves = holdsVault(link.rights) && !holdsVault(terms.rights);
      const epoch = leaves ? await circle.renew(actor, patient, { kin: id }) : undefined;
      const receipt = await records.act(
        actor,
        'kin:amend',
        {
          patient: patientId,
          id,
          replaces,
          ...terms,
          ...(epoch && { epoch }),
          ...((epoch ?? holdsVault(terms.rights)) && { vault }),
        },
        patientId,
      );
      if (leaves) await this.#takeVault(patient, link);
      await this.parts.aftermath.done(receipt.id);
      if (terms.rights.includes('guardian'))
        await this.parts.consultations.handOn(actor, patientId);
      return { receipt };
    });
  }

  end(
    actor: Actor,
    patientId: string,
    id: string,
    { replaces }: { replaces: number },
  ): Promise<{ receipt: AppliedReceipt }> {
    return this.parts.circle.inStep(patientId, async (patient, vault) => {
      const { records, circle } = this.parts;
      const link = linkOf(patient, id);
      const leaves =
        link.status === 'active' && holdsVault(link.rights) && link.relative !== actor.userId;
      const epoch = leaves ? await circle.renew(actor, patient, { kin: id }) : undefined;
      const receipt = await records.act(
        actor,
        'kin:end',
        { patient: patientId, id, replaces, ...(epoch && { epoch, vault }) },
        patientId,
      );
      if (holdsVault(link.rights)) await this.#takeVault(patient, link);
      await this.parts.aftermath.done(receipt.id);
      return { receipt };
    });
  }

  async listOf(actor: Actor, patientId: string): Promise<readonly NamedLink[]> {
    const { kin } = await this.parts.records.patient(patientId);
    if (actor.userId === patientId) return Promise.all(kin.map((link) => this.#named(link)));
    if (actor.role === 'auditor') return kin;
    const own = kin.filter((link) => link.relative === actor.userId);
    if (own.length > 0) return own;
    throw new GatewayError('FORBIDDEN', 'Only the patient sees who their relatives are.');
  }

  async mine(actor: Actor, page: PageRequest): Promise<Page<KinOf>> {
    const { records, files } = this.parts;
    const { items, bookmark } = await records.kinOf(actor.userId, page);
    const shown = items.map(async (item) => {
      const details = files.isCurrent(item.link) && (await files.details(item.patient));
      return details ? { ...item, details } : item;
    });
    return { items: await Promise.all(shown), bookmark };
  }

  async #named(link: KinLink): Promise<NamedLink> {
    const details = await this.parts.files.details(link.relative);
    return details ? { ...link, details: { name: details.name } } : link;
  }

  /** Said before anything is wrapped: a refused link must leave no key behind. The ledger decides again. */
  async #mustBeAllowed(
    actor: Actor,
    patient: Patient,
    { rights, notAfter }: KinTerms,
  ): Promise<void> {
    const { records } = this.parts;
    const user = await records.user(actor.userId);
    const ruling = all(
      () => mayManageKin(patient, user, records.now()),
      () => soundRights(rights, notAfter),
      () => withinOwnEnd(patient, user, rights, notAfter, records.now()),
    );
    if (ruling.permit) return;
    throw new GatewayError('REFUSED', `This link may not be made. ${REFUSALS[ruling.code]}`, {
      reason: ruling.code,
      ids: { patient: patient.id },
    });
  }

  /** What the rights need: the vault's key to act for the patient, the categories' key to add to the record. */
  async #equip(
    actor: Actor,
    patient: Patient,
    relative: string,
    rights: readonly KinRight[],
  ): Promise<void> {
    const { records, circle } = this.parts;
    const recipient = recipientOf(await records.user(relative));
    if (holdsVault(rights)) await circle.admit(actor, patient, recipient);
    if (holdsVault(rights) || rights.includes('keep'))
      await circle.shareTags(actor, patient, recipient);
  }

  async #takeVault(patient: Patient, link: KinLink): Promise<void> {
    const { records, vaults, circle } = this.parts;
    if (circle.stays(patient, link.relative, { kin: link.id })) return;
    for (const every of await everyKeyOf(records, link.relative))
      await vaults.takeEpoch(patient, every);
  }
}

function linkOf(patient: Patient, id: string): KinLink {
  const link = patient.kin.find((k) => k.id === id);
  if (link) return link;
  throw new GatewayError('NOT_FOUND', 'There is no such link.', { ids: { kin: id } });
}
