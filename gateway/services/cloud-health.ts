// What hospitals and auditors see of the clouds: which there are, what is wrong with copies, and how far the scrubber is.

import type { Page } from '@prms/chaincode';
import type { Copies, CopyNote, HealedCopy } from '../clouds/index.js';
import { GatewayError } from '../errors.js';
import type { Actor } from './actor.js';
import type { PageRequest } from './records.js';
import type { Scrubber, ScrubProgress } from './scrubber/index.js';

export interface CloudHealth {
  /** The home first. */
  readonly clouds: readonly { readonly name: string; readonly answering: boolean }[];
  /** Copies that are to be stored or deleted still. */
  readonly open: number;
  readonly scrub?: ScrubProgress;
}

export class CloudHealthList {
  constructor(
    private readonly parts: {
      readonly copies: Copies;
      readonly scrubber: Scrubber;
      /** Of a page whose length nobody names. */
      readonly pageItems: number;
    },
  ) {}

  async health(actor: Actor): Promise<CloudHealth> {
    mayLook(actor);
    const { copies, scrubber } = this.parts;
    const scrub = await scrubber.progress();
    const clouds = copies.names.map((name) => ({ name, answering: copies.answers(name) }));
    return { clouds, open: await copies.notes.count(), ...(scrub && { scrub }) };
  }

  /** Copies that are not as they should be, or those that were and have been healed. */
  async list(
    actor: Actor,
    state: 'open' | 'healed',
    { limit = this.parts.pageItems, bookmark = '' }: PageRequest,
  ): Promise<Page<CopyNote | HealedCopy>> {
    mayLook(actor);
    const items: (CopyNote | HealedCopy)[] = [];
    let last = '';
    for await (const { key, value } of this.parts.copies.notes.list(state, bookmark)) {
      if (items.length === limit) return { items, bookmark: last };
      items.push(value);
      last = key;
    }
    return { items, bookmark: '' };
  }
}

function mayLook({ role }: Actor): void {
  if (role !== 'hospital' && role !== 'auditor')
    throw new GatewayError('FORBIDDEN', 'Only hospitals and auditors look after the clouds.');
}
