// After a run: is what was answered as applied on the ledger, as queries show it? Looked at for some patients: those with
// the most operations, and others chosen by the seed.
import { readOperationLine } from '@prms/chaincode';
import type { Connection } from '../../platforms/platform.js';
import { randomOf, wholeBelow } from '../../stats/random.js';
import type { Applied, Verdict } from '../workload.js';
import { Expectation } from './expectation.js';
import type { Scene } from './scene.js';
import { readRecord } from './world-state.js';

/** Patients with the most operations, and as many others. */
const LOOKED_AT = 20;
const STREAM = 0x3e12f;

/**
 * @param applied whatever was answered, applied or refused
 * @param order ids of valid transactions in the ledger's order; empty where a platform tells none
 */
export async function verifyRecords(
  scene: Scene,
  applied: readonly Applied[],
  order: readonly string[],
  connection: Connection,
): Promise<Verdict> {
  const places = new Map(order.map((id, at) => [id, at]));
  const astray =
    order.length === 0 ? undefined : applied.find((one) => !places.has(transactionOf(one)));
  if (astray !== undefined) {
    const what = `${astray.kind} was answered in transaction ${transactionOf(astray)}`;
    return { ok: false, says: [`${what}, which is not on the ledger`] };
  }
  const chosen = choose(operationsByPatient(applied), scene.seed);
  let operations = 0;
  for (const [patient, theirs] of chosen) {
    const fault = await faultOf(patient, inOrder(theirs, places), connection);
    if (fault !== undefined) return { ok: false, says: [`patient ${patient}: ${fault}`] };
    operations += theirs.length;
  }
  const what = `${operations} operations about ${chosen.length} patients`;
  return { ok: true, says: [`${what} stand on the ledger as they were answered`] };
}

const transactionOf = ({ place }: Applied): string => place.transactionId;

type ByPatient = readonly (readonly [patient: string, operations: readonly Applied[]])[];

/** The most popular patient comes first. */
function operationsByPatient(applied: readonly Applied[]): ByPatient {
  const found = new Map<string, Applied[]>();
  for (const one of applied) {
    const patient = patientOf(one.line);
    if (patient === undefined) continue;
    const theirs = found.get(patient);
    if (theirs === undefined) found.set(patient, [one]);
    else theirs.push(one);
  }
  return [...found].sort(([, a], [, b]) => b.length - a.length);
}

const MEMBER = '"patient":"';
const ID_LENGTH = 43;

/** Cut out, as there may be millions: no other text of an operation holds the member's name in quotes. */
function patientOf(line: string): string | undefined {
  const at = line.indexOf(MEMBER);
  if (at < 0) return undefined;
  return line.slice(at + MEMBER.length, at + MEMBER.length + ID_LENGTH);
}

function choose(all: ByPatient, seed: number): ByPatient {
  const rest = all.slice(LOOKED_AT);
  const random = randomOf(seed, STREAM);
  const others = Array.from({ length: Math.min(LOOKED_AT, rest.length) }, () =>
    rest.splice(wholeBelow(random, rest.length), 1),
  );
  return [...all.slice(0, LOOKED_AT), ...others.flat()];
}

function inOrder(operations: readonly Applied[], places: ReadonlyMap<string, number>): Applied[] {
  const at = ({ place }: Applied): number => places.get(place.transactionId) ?? place.block;
  return [...operations].sort((a, b) => at(a) - at(b) || a.place.position - b.place.position);
}

/** What is not as it was answered, first of all. */
async function faultOf(
  patient: string,
  operations: readonly Applied[],
  connection: Connection,
): Promise<string | undefined> {
  const expected = new Expectation();
  for (const { line, status } of operations) {
    const envelope = readOperationLine(line)?.envelope;
    if (envelope === undefined) return 'an operation that was answered can’t be read';
    expected.answered(envelope, status);
  }
  // Operations about somebody whom the ledger doesn't know are all refused, and leave nothing.
  if (!expected.any) return undefined;
  return expected.differsFrom(await readRecord(patient, expected.consultations, connection));
}
