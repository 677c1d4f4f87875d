// Consents: entries of the patient's policy document, given, changed and taken back.

import type { Consent, ConsentTerms, Patient } from '../model/index.js';
import { holdsEpoch, mayConsent, mayTakeBack } from '../rules/index.js';
import { indexes, keys, THERE } from '../state/index.js';
import {
  changed,
  changedBefore,
  find,
  findPatient,
  madeBefore,
  must,
  mustBe,
  type Call,
  type Definition,
} from './call.js';
import {
  addEntry,
  advanceEpoch,
  entryOf,
  mustSee,
  newEntry,
  putPatient,
  replaceEntry,
} from './policy.js';

async function checkGrantee(
  call: Call<'consent:grant'> | Call<'consent:amend'>,
  patient: Patient,
  terms: ConsentTerms,
): Promise<void> {
  const grantee = await find(call, keys.user(terms.grantee.id));
  mustBe((terms.grantee.kind === 'hospital') === (grantee.role === 'hospital'), 'NOT_FOUND');
  mustBe(grantee.id !== patient.id, 'WRONG_ROLE');
  // A system may be denied expressly; it may not be let in by name.
  mustBe(grantee.role !== 'service' || terms.effect === 'deny', 'WRONG_ROLE');
}

const grant: Definition<'consent:grant'> = {
  reads: ({ patient, terms }) => [keys.user(patient), keys.user(terms.grantee.id)],
  async apply(call) {
    const { actor, args, envelope, world } = call;
    const patient = await findPatient(call, args.patient);
    const again = madeBefore(
      call,
      patient.consents.find((c) => c.id === envelope.id),
    );
    if (again) return again;
    must(mayConsent(patient, actor, args.terms, envelope.issuedAt));
    await checkGrantee(call, patient, args.terms);
    mustSee(patient, args);
    const consent: Consent = {
      ...newEntry(call),
      status: 'active',
      terms: args.terms,
      by: actor.id,
    };
    putPatient(call, addEntry(call, patient, 'consents', consent));
    world.put(indexes.granted(args.terms.grantee.id, patient.id), THERE);
    return { version: 1 };
  },
};

/** New terms for the same grantee: another grantee is another consent. */
const amend: Definition<'consent:amend'> = {
  reads: ({ patient }) => [keys.user(patient)],
  async apply(call) {
    const { actor, args, envelope } = call;
    const patient = await findPatient(call, args.patient);
    const consent = entryOf(patient, 'consents', args.id);
    const again = changedBefore(call, consent, args.replaces);
    if (again) return again;
    must(mayTakeBack(patient, actor, consent.terms, envelope.issuedAt));
    must(mayConsent(patient, actor, args.terms, envelope.issuedAt));
    mustBe(consent.status === 'active', 'WRONG_STATE');
    const { grantee } = consent.terms;
    mustBe(
      args.terms.grantee.id === grantee.id && args.terms.grantee.kind === grantee.kind,
      'WRONG_STATE',
    );
    mustSee(patient, args);
    const losesVault = holdsEpoch(consent.terms) && !holdsEpoch(args.terms);
    const after: Consent = {
      ...consent,
      ...changed(call, consent),
      terms: args.terms,
      by: actor.id,
    };
    putPatient(
      call,
      replaceEntry(advanceEpoch(patient, args.epoch, losesVault), 'consents', after),
    );
    return { version: after.version };
  },
};

const revoke: Definition<'consent:revoke'> = {
  reads: ({ patient }) => [keys.user(patient)],
  async apply(call) {
    const { actor, args, envelope } = call;
    const patient = await findPatient(call, args.patient);
    const consent = entryOf(patient, 'consents', args.id);
    const again = changedBefore(call, consent, args.replaces);
    if (again) return again;
    must(mayTakeBack(patient, actor, consent.terms, envelope.issuedAt));
    mustBe(consent.status === 'active', 'WRONG_STATE');
    mustSee(patient, args);
    const after: Consent = { ...consent, ...changed(call, consent), status: 'revoked' };
    const next = advanceEpoch(patient, args.epoch, holdsEpoch(consent.terms));
    putPatient(call, replaceEntry(next, 'consents', after));
    return { version: after.version };
  },
};

export const consents = {
  'consent:grant': grant,
  'consent:amend': amend,
  'consent:revoke': revoke,
};
