// Hospitals, and what everybody may know of anybody.

import type { Page, PublicProfile, Role, User } from '@prms/chaincode';
import type { Actor } from './actor.js';
import type { AppliedReceipt, PageRequest, Records } from './records.js';

/** The public part of a user: keys, role, and what professionals publish of themselves. */
export interface PublicUser {
  readonly id: string;
  readonly role: Role;
  readonly kid: string;
  readonly keys: { readonly sign: string; readonly seal: string };
  readonly profile?: PublicProfile;
  readonly admitted?: boolean;
}

export class Hospitals {
  constructor(private readonly parts: { readonly records: Records }) {}

  /** A hospital's vote to admit another hospital, or an auditor. */
  async vote(actor: Actor, candidate: string): Promise<{ receipt: AppliedReceipt }> {
    return {
      receipt: await this.parts.records.act(actor, 'hospital:vote', { candidate }, candidate),
    };
  }

  /** Hospitals, doctors or auditors: those who publish a profile. */
  async list(
    role: 'hospital' | 'doctor' | 'auditor',
    page: PageRequest,
  ): Promise<Page<PublicUser>> {
    const { items, bookmark } = await this.parts.records.users(role, page);
    return { items: items.map(publicPart), bookmark };
  }

  /** Doctors whom a hospital has authorised. */
  async doctorsOf(hospital: string, page: PageRequest): Promise<Page<PublicUser>> {
    const { records } = this.parts;
    const { items, bookmark } = await records.affiliations(hospital, page);
    const authorised = items.filter(({ status }) => status === 'authorised');
    return {
      items: await Promise.all(authorised.map(({ doctor }) => this.find(doctor))),
      bookmark,
    };
  }

  async find(id: string): Promise<PublicUser> {
    return publicPart(await this.parts.records.user(id));
  }
}

function publicPart(user: User): PublicUser {
  const { id, role, kid, keys } = user;
  return {
    id,
    role,
    kid,
    keys,
    ...('profile' in user && { profile: user.profile }),
    ...('admitted' in user && { admitted: user.admitted }),
  };
}
