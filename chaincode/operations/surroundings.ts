// What must have been on the ledger for operations to be applied, where the operations themselves don't show it: that a
// hospital was admitted, a doctor authorised. A scratch world that reads from here is as lenient as the
// ledger can have been, and no more is claimed of it.

import {
  ARGUMENTS,
  type Affiliation,
  type Doctor,
  type Envelope,
  type Hospital,
  type Relative,
  type User,
} from '../model/index.js';
import { userIdOf } from '../signatures/index.js';
import type { StateStub } from '../state/index.js';

const NOTHING = new Uint8Array();
const MARKS = { version: 1, created: '', last: { id: '', hash: '', at: 0 } };
const HOLDER = { ...MARKS, keys: { sign: '', seal: '' }, kid: '', registeredAt: 0 };

/** Types that are applied only when the hospital, or whoever they act for, is one. */
const CERTAIN = /^(?:user|report|care|consultation|appointment):/;

export class Surroundings implements StateStub {
  /** These come to be by operations that are shown. */
  readonly #registered = new Set<string>();
  readonly #hospitals = new Set<string>();
  readonly #relatives = new Set<string>();

  /** @param operations every one that will be applied on top */
  constructor(operations: readonly Envelope[]) {
    for (const operation of operations) this.#learn(operation);
    // Whoever asked to read may have named anybody as their hospital: that is believed last.
    for (const { type, args } of operations)
      if (!CERTAIN.test(type)) this.#hospital(args['actingFor']);
  }

  getState(key: string): Promise<Uint8Array> {
    const found = this.#find(key);
    return Promise.resolve(found === undefined ? NOTHING : Buffer.from(JSON.stringify(found)));
  }

  putState(): Promise<void> {
    return Promise.reject(new Error('what is presumed is never written'));
  }

  #learn({ type, actor, args }: Envelope): void {
    if (type === 'user:register' || type === 'hospital:register') this.#registered.add(actor);
    const service = type === 'service:authorise' && ARGUMENTS[type].safeParse(args).data;
    if (service) this.#registered.add(userIdOf(service.keys.sign));
    const link = type === 'kin:link' && ARGUMENTS[type].safeParse(args).data;
    if (link) this.#relatives.add(link.relative);
    const consent = type === 'consent:grant' && ARGUMENTS[type].safeParse(args).data;
    if (consent && consent.terms.grantee.kind === 'hospital')
      this.#hospital(consent.terms.grantee.id);
    if (CERTAIN.test(type))
      for (const name of ['hospital', 'actingFor', 'escrow']) this.#hospital(args[name]);
  }

  #hospital(id: unknown): void {
    if (typeof id === 'string' && !this.#relatives.has(id)) this.#hospitals.add(id);
  }

  #find(key: string): User | Affiliation | undefined {
    const [kind, first = '', second = ''] = key.split('/');
    switch (kind) {
      case 'user':
        return this.#registered.has(first) ? undefined : this.#user(first);
      case 'affiliation':
        return { ...MARKS, hospital: first, doctor: second, status: 'authorised' };
      default:
        return undefined;
    }
  }

  #user(id: string): Hospital | Doctor | Relative {
    const profile = { name: '' };
    if (this.#relatives.has(id)) return { ...HOLDER, id, role: 'relative' };
    if (this.#hospitals.has(id))
      return { ...HOLDER, id, role: 'hospital', profile, admitted: true, votes: [] };
    return { ...HOLDER, id, role: 'doctor', profile };
  }
}
