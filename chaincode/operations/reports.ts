// Reports: what the ledger knows of an image in a cloud. Anchored, superseded, withdrawn by the author, erased by the patient.

import type { OperationType, Patient, Report, ReportTerms } from '../model/index.js';
import { mayAnchor, mayCorrect, mayErase, type Ruling } from '../rules/index.js';
import { keys } from '../state/index.js';
import {
  changed,
  changedBefore,
  find,
  findPatient,
  made,
  madeBefore,
  must,
  mustBe,
  standing,
  standingReads,
  type Call,
  type Definition,
} from './call.js';

type NewReport = Call<'report:anchor'> | Call<'report:supersede'>;

async function checkNew(call: NewReport, patient: Patient): Promise<void> {
  const { actor, args, envelope } = call;
  const facts = { patient, actor, report: null, ...(await standing(call, actor, args.actingFor)) };
  must(mayAnchor(facts, args.actingFor, envelope.issuedAt));
  checkTerms(patient, args.report);
}

/** A data key wrapped for a past epoch would be open to those whose access has ended. */
function checkTerms(patient: Patient, terms: ReportTerms): void {
  mustBe(terms.epoch === patient.epoch.number, 'VERSION_CONFLICT');
}

function newReport(call: NewReport, patient: Patient): Report {
  const { args, actor, envelope } = call;
  return {
    ...made(call),
    id: envelope.id,
    patient: patient.id,
    author: actor.id,
    ...(args.actingFor !== undefined && { actingFor: args.actingFor }),
    anchoredAt: envelope.issuedAt,
    status: 'active',
    terms: args.report,
  };
}

const anchor: Definition<'report:anchor'> = {
  reads: ({ patient, actingFor }, envelope) => [
    keys.user(patient),
    keys.report(patient, envelope.id),
    ...standingReads(envelope, actingFor),
  ],
  async apply(call) {
    const key = keys.report(call.args.patient, call.envelope.id);
    const again = madeBefore(call, await call.world.get(key));
    if (again) return again;
    const patient = await findPatient(call, call.args.patient);
    await checkNew(call, patient);
    call.world.put(key, newReport(call, patient));
    return { version: 1 };
  },
};

const supersede: Definition<'report:supersede'> = {
  async apply(call) {
    const { args, envelope, world } = call;
    const key = keys.report(args.patient, envelope.id);
    const again = madeBefore(call, await world.get(key));
    if (again) return again;
    const patient = await findPatient(call, args.patient);
    const oldKey = keys.report(args.patient, args.id);
    const old = await find(call, oldKey);
    mustBe(old.version === args.replaces, 'VERSION_CONFLICT');
    must(await correction(call, old, patient));
    await checkNew(call, patient);
    mustBe(old.status === 'active', 'WRONG_STATE');
    world.put(key, { ...newReport(call, patient), supersedes: old.id });
    world.put(oldKey, {
      ...old,
      ...changed(call, old),
      status: 'superseded',
      supersededBy: envelope.id,
    });
    return { version: 1 };
  },
};

async function reportToChange(call: Call<'report:withdraw'> | Call<'report:erase'>) {
  const { patient: patientId, id, replaces } = call.args;
  const key = keys.report(patientId, id);
  const report = await find(call, key);
  const again = changedBefore(call, report, replaces);
  const patient = await findPatient(call, patientId);
  return { key, report, again, patient };
}

async function correction(
  call: Call<'report:supersede'> | Call<'report:withdraw'>,
  report: Report,
  patient: Patient,
): Promise<Ruling> {
  const { actor, envelope } = call;
  const facts = { patient, actor, ...(await standing(call, actor, report.actingFor)) };
  return mayCorrect(report, facts, envelope.issuedAt);
}

const withdraw: Definition<'report:withdraw'> = {
  async apply(call) {
    const { world } = call;
    const { key, report, again, patient } = await reportToChange(call);
    if (again) return again;
    must(await correction(call, report, patient));
    mustBe(report.status === 'active' || report.status === 'superseded', 'WRONG_STATE');
    const after: Report = { ...report, ...changed(call, report), status: 'withdrawn' };
    world.put(key, after);
    return { version: after.version };
  },
};

const erase: Definition<'report:erase'> = {
  async apply(call) {
    const { actor, envelope, world } = call;
    const { key, report, again, patient } = await reportToChange(call);
    if (again) return again;
    must(mayErase(patient, actor, envelope.issuedAt));
    mustBe(report.status !== 'erased', 'WRONG_STATE');
    const after: Report = { ...report, ...changed(call, report), status: 'erased' };
    world.put(key, after);
    return { version: after.version };
  },
};

export const reports = {
  'report:anchor': anchor,
  'report:supersede': supersede,
  'report:withdraw': withdraw,
  'report:erase': erase,
} satisfies { [T in OperationType & `report:${string}`]: Definition<T> };
