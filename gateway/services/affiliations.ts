// Doctors and the hospitals that they work for.

import type { Affiliation, Page } from '@prms/chaincode';
import type { Actor } from './actor.js';
import type { AppliedReceipt, PageRequest, Records } from './records.js';

interface Changed {
  readonly receipt: AppliedReceipt;
}

export class Affiliations {
  constructor(private readonly parts: { readonly records: Records }) {}

  async request(actor: Actor, hospital: string): Promise<Changed> {
    return {
      receipt: await this.parts.records.act(actor, 'affiliation:request', { hospital }, hospital),
    };
  }

  /** The hospital's word on one of its doctors. */
  async decide(
    actor: Actor,
    doctor: string,
    decision: 'authorise' | 'refuse' | 'suspend',
    replaces: number,
  ): Promise<Changed> {
    return {
      receipt: await this.parts.records.act(
        actor,
        `affiliation:${decision}`,
        { doctor, replaces },
        actor.userId,
      ),
    };
  }

  async leave(actor: Actor, hospital: string, replaces: number): Promise<Changed> {
    return {
      receipt: await this.parts.records.act(
        actor,
        'affiliation:leave',
        { hospital, replaces },
        hospital,
      ),
    };
  }

  /** A hospital's doctors, whatever their status, or a doctor's hospitals. */
  mine(actor: Actor, page: PageRequest): Promise<Page<Affiliation>> {
    const { records } = this.parts;
    return actor.role === 'hospital'
      ? records.affiliations(actor.userId, page)
      : records.hospitalsOf(actor.userId, page);
  }
}
