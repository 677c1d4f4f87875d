// `query`: what may be asked of the ledger. Peers answer every member alike; who may ask on whose behalf is the
// gateway's business. Lists come in pages, newest first where they grow with time.

import { z } from 'zod';
import {
  actionSchema,
  canonicalise,
  ChaincodeError,
  operationIdSchema,
  purposeSchema,
  ROLES,
  userIdSchema,
} from '../model/index.js';
import { applies, decideAccess } from '../rules/index.js';
import { below, keys, World, type Key } from '../state/index.js';
import { RecordsContext } from './environment.js';
import { Contract, Returns, Transaction } from '../fabric/index.js';
import {
  decode,
  joined,
  lastPart,
  listed,
  one,
  parse,
  policies,
  type Entry,
  statesOf,
} from './pages.js';

export class QueryContract extends Contract {
  constructor() {
    super('query');
  }

  override createContext(): RecordsContext {
    return new RecordsContext();
  }

  @Transaction(false)
  @Returns('string')
  async genesis(context: RecordsContext): Promise<string> {
    return one(context, keys.genesis);
  }

  @Transaction(false)
  @Returns('string')
  async consortium(context: RecordsContext): Promise<string> {
    return one(context, keys.consortium);
  }

  /** A user's document; a patient's is their policy. */
  @Transaction(false)
  @Returns('string')
  async user(context: RecordsContext, id: string): Promise<string> {
    return one(context, keys.user(userId(id)));
  }

  @Transaction(false)
  @Returns('string')
  async users(
    context: RecordsContext,
    role: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    const checked = parse(z.enum(ROLES), role, 'role');
    return joined(context, below('role', checked), { pageSize, bookmark }, (entry) =>
      keys.user(lastPart(entry.key)),
    );
  }

  @Transaction(false)
  @Returns('string')
  async report(context: RecordsContext, patient: string, id: string): Promise<string> {
    return one(context, keys.report(userId(patient), operationId(id)));
  }

  @Transaction(false)
  @Returns('string')
  async reports(
    context: RecordsContext,
    patient: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    return listed(context, below('report', userId(patient)), { pageSize, bookmark });
  }

  @Transaction(false)
  @Returns('string')
  async access(context: RecordsContext, patient: string, id: string): Promise<string> {
    return one(context, keys.access(userId(patient), operationId(id)));
  }

  /** Who looked at this record, or tried to. */
  @Transaction(false)
  @Returns('string')
  async accesses(
    context: RecordsContext,
    patient: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    return listed(context, below('access', userId(patient)), { pageSize, bookmark });
  }

  @Transaction(false)
  @Returns('string')
  async emergencies(
    context: RecordsContext,
    hospital: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    const range = below('emergency-at', userId(hospital));
    return joined(context, range, { pageSize, bookmark }, (entry: Entry<PatientAndId>) =>
      keys.access(entry.value.patient, entry.value.id),
    );
  }

  @Transaction(false)
  @Returns('string')
  async affiliation(context: RecordsContext, hospital: string, doctor: string): Promise<string> {
    return one(context, keys.affiliation(userId(hospital), userId(doctor)));
  }

  /** A hospital's doctors, whatever their status. */
  @Transaction(false)
  @Returns('string')
  async affiliations(
    context: RecordsContext,
    hospital: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    return listed(context, below('affiliation', userId(hospital)), { pageSize, bookmark });
  }

  /** A hospital's systems, suspended ones too. */
  @Transaction(false)
  @Returns('string')
  async services(
    context: RecordsContext,
    hospital: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    const range = below('service-of', userId(hospital));
    return joined(context, range, { pageSize, bookmark }, (entry) =>
      keys.user(lastPart(entry.key)),
    );
  }

  @Transaction(false)
  @Returns('string')
  async hospitalsOf(
    context: RecordsContext,
    doctor: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    const range = below('affiliated', userId(doctor));
    return joined(context, range, { pageSize, bookmark }, (entry) =>
      keys.affiliation(lastPart(entry.key), doctor),
    );
  }

  /** Everybody who asked this doctor for care: patient, care entry. */
  @Transaction(false)
  @Returns('string')
  async patientsOf(
    context: RecordsContext,
    doctor: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    return policies(context, below('care-of', userId(doctor)), { pageSize, bookmark }, (patient) =>
      patient.care
        .filter((care) => care.doctor === doctor)
        .map((care) => ({ patient: patient.id, care })),
    );
  }

  /** Patients whose relative this is: patient, link. */
  @Transaction(false)
  @Returns('string')
  async kinOf(
    context: RecordsContext,
    relative: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    return policies(context, below('kin-of', userId(relative)), { pageSize, bookmark }, (patient) =>
      patient.kin
        .filter((link) => link.relative === relative)
        .map((link) => ({ patient: patient.id, link })),
    );
  }

  /** Consents given to a user or hospital: patient, consent. */
  @Transaction(false)
  @Returns('string')
  async grants(
    context: RecordsContext,
    grantee: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    return policies(context, below('granted', userId(grantee)), { pageSize, bookmark }, (patient) =>
      patient.consents
        .filter((c) => c.terms.grantee.id === grantee)
        .map((consent) => ({ patient: patient.id, consent })),
    );
  }

  @Transaction(false)
  @Returns('string')
  async offers(
    context: RecordsContext,
    doctor: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    return listed(context, below('offer', userId(doctor)), { pageSize, bookmark });
  }

  @Transaction(false)
  @Returns('string')
  async appointment(context: RecordsContext, patient: string, id: string): Promise<string> {
    return one(context, keys.appointment(userId(patient), operationId(id)));
  }

  @Transaction(false)
  @Returns('string')
  async appointments(
    context: RecordsContext,
    patient: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    return listed(context, below('appointment', userId(patient)), { pageSize, bookmark });
  }

  @Transaction(false)
  @Returns('string')
  async appointmentsOf(
    context: RecordsContext,
    doctor: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    const range = below('appointment-of', userId(doctor));
    return joined(context, range, { pageSize, bookmark }, (entry: Entry<PatientAndId>) =>
      keys.appointment(entry.value.patient, entry.value.id),
    );
  }

  @Transaction(false)
  @Returns('string')
  async consultation(context: RecordsContext, patient: string, id: string): Promise<string> {
    return one(context, keys.consultation(userId(patient), operationId(id)));
  }

  @Transaction(false)
  @Returns('string')
  async consultations(
    context: RecordsContext,
    patient: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    return listed(context, below('consultation', userId(patient)), { pageSize, bookmark });
  }

  @Transaction(false)
  @Returns('string')
  async consultationsOf(
    context: RecordsContext,
    doctor: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    const range = below('consultation-of', userId(doctor));
    return joined(context, range, { pageSize, bookmark }, (entry: Entry<PatientAndId>) =>
      keys.consultation(entry.value.patient, entry.value.id),
    );
  }

  /**
   * Every state that a document has been in, newest first. `kind`: user, report, access, appointment, consultation, offer (whose
   * owner is a doctor) or genesis.
   */
  @Transaction(false)
  @Returns('string')
  async history(
    context: RecordsContext,
    kind: string,
    owner: string,
    id: string,
    pageSize: number,
    bookmark: string,
  ): Promise<string> {
    const key = historyKey(parse(z.enum(HISTORIES), kind, 'kind'), userId(owner), id);
    return statesOf(context, key, { pageSize, bookmark });
  }

  /** May someone do this with a report, and why? `question`: JSON { patient, actor, report, action, purpose, actingFor?, now }. */
  @Transaction(false)
  @Returns('string')
  async explain(context: RecordsContext, question: string): Promise<string> {
    const asked = parse(questionSchema, decode(Buffer.from(question)), 'question');
    const world = new World(context.stub);
    const [patient, actor] = [
      await world.get(keys.user(asked.patient)),
      await world.get(keys.user(asked.actor)),
    ];
    if (patient?.role !== 'patient' || !actor)
      throw new ChaincodeError('NOT_FOUND', 'no such patient or user');
    const { report: reportId, actingFor } = asked;
    const report = await world.get(keys.report(patient.id, reportId));
    const hospital = actingFor === undefined ? null : await world.get(keys.user(actingFor));
    const outcome = decideAccess(asked, {
      patient,
      actor,
      report,
      affiliation:
        actingFor === undefined ? null : await world.get(keys.affiliation(actingFor, actor.id)),
      hospital: hospital?.role === 'hospital' ? hospital : null,
    });
    const considered = patient.consents
      .filter((c) => c.terms.grantee.id === actor.id || c.terms.grantee.id === actingFor)
      .map((c) => ({
        id: c.id,
        effect: c.terms.effect,
        status: c.status,
        applies: applies(c, asked, actor.id, report),
      }));
    return canonicalise({ outcome, considered });
  }
}

const questionSchema = z.strictObject({
  patient: userIdSchema,
  actor: userIdSchema,
  report: operationIdSchema,
  action: actionSchema,
  purpose: purposeSchema,
  actingFor: userIdSchema.optional(),
  now: z.int().min(0),
});

interface PatientAndId {
  readonly patient: string;
  readonly id: string;
}

const HISTORIES = [
  'user',
  'report',
  'access',
  'appointment',
  'consultation',
  'offer',
  'genesis',
] as const;

function historyKey(kind: (typeof HISTORIES)[number], owner: string, id: string): Key<unknown> {
  if (kind === 'genesis') return keys.genesis;
  return kind === 'user' ? keys.user(owner) : keys[kind](owner, operationId(id));
}

const userId = (id: string): string => parse(userIdSchema, id, 'user id');
const operationId = (id: string): string => parse(operationIdSchema, id, 'id');
