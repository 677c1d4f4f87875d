// Measures the records chaincode on the embedded ledger: signed operations a second, signatures checked, rules decided,
// committed durably; then the whole chain is verified. Operations are signed beforehand.
// `npm run bench:records -w network [-- --operations 60000]`
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import {
  kidOf,
  operationBytes,
  operationId,
  operationLine,
  RECORDS,
  recordsChaincode,
  signedText,
  userIdOf,
  type ArgumentsOf,
  type OperationType,
} from '@prms/chaincode';
import { GroupCommit } from '../batching/index.js';
import { openEmbeddedLedger, type EmbeddedLedger } from '../embedded/index.js';

const CHANNEL = 'bench';
const PATIENTS = 1000;
const DOCTORS = 20;
/** Operations that come before the measured ones: a hospital, three for each doctor, two for each patient. */
const SET_UP = 1 + 3 * DOCTORS + 2 * PATIENTS;
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const LIFE_MS = 10 * 60 * 1000;

interface Signer {
  readonly id: string;
  readonly kid: string;
  readonly keys: { readonly sign: string; readonly seal: string };
  readonly privateKey: KeyObject;
}

const { values } = parseArgs({
  options: { operations: { type: 'string', default: '60000' } },
});
const dir = await mkdtemp(join(tmpdir(), 'prms-bench-records-'));
const ledger = await openEmbeddedLedger({
  dir,
  channel: CHANNEL,
  chaincodes: { [RECORDS]: recordsChaincode },
});
try {
  await bench(ledger, Number(values.operations));
} finally {
  await ledger.close();
  await rm(dir, { recursive: true, force: true });
}

async function bench(on: EmbeddedLedger, count: number): Promise<void> {
  const commit = new GroupCommit({
    ledger: on,
    chaincode: RECORDS,
    fn: 'operations:apply',
    lanes: 4,
    maxQueued: count + 10_000,
  });
  const { patients, doctors, hospital } = await populate(on, commit);
  const anchored = await phase('report:anchor', count, commit, (n) => {
    const patient = at(patients, n);
    return line(patient, 'report:anchor', { patient: patient.id, report: terms() });
  });
  await phase('access:request', count, commit, (n) => {
    const patient = at(patients, n);
    return line(at(doctors, n), 'access:request', {
      patient: patient.id,
      report: at(anchored, n),
      action: 'view',
      purpose: 'treatment',
      actingFor: hospital.id,
    });
  });
  await commit.close();
  await verification(on, 2 * count + SET_UP);
}

/** How long the whole chain takes, and how long anybody else on the thread waits meanwhile. */
async function verification(on: EmbeddedLedger, count: number): Promise<void> {
  const pauses = monitorEventLoopDelay({ resolution: 5 });
  pauses.enable();
  const began = performance.now();
  const { ok } = await on.verify();
  const seconds = (performance.now() - began) / 1000;
  pauses.disable();
  const longest = (nanoseconds: number): string => (nanoseconds / 1e6).toFixed(0);
  process.stdout.write(
    `verification    ${count} operations in ${seconds.toFixed(2)} s, ` +
      `${((seconds / count) * 1000).toFixed(2)} s per 1,000, honest: ${ok}; ` +
      `thread held p99 ${longest(pauses.percentile(99))} ms, longest ${longest(pauses.max)} ms\n`,
  );
}

/** Signs first, then offers everything at once: a closed loop, as fast as the ledger takes it. */
async function phase(
  name: string,
  count: number,
  commit: GroupCommit,
  make: (n: number) => { id: string; line: string },
): Promise<string[]> {
  const operations = Array.from({ length: count }, (_, n) => make(n));
  const began = performance.now();
  const cpu = process.cpuUsage();
  const receipts = await Promise.all(
    operations.map(({ line: signed }, n) => commit.submit(signed, String(n % PATIENTS))),
  );
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const applied = receipts.filter(({ status }) => status === 'applied').length;
  const cores = (user + system) / 1e6 / seconds;
  process.stdout.write(
    `${name.padEnd(15)} ${count} operations, ${applied} applied, in ${seconds.toFixed(2)} s: ` +
      `${Math.round(count / seconds)}/s on ${cores.toFixed(2)} cores\n`,
  );
  return operations.map(({ id }) => id);
}

async function populate(on: EmbeddedLedger, commit: GroupCommit) {
  const [hospital, patients, doctors] = [signer(), signers(PATIENTS), signers(DOCTORS)];
  await on.submit(RECORDS, 'ledger:init', [JSON.stringify({ hospitals: [hospital.id] })]);
  const send = async (operations: readonly { line: string }[]) => {
    const receipts = await Promise.all(operations.map((op) => commit.submit(op.line, 'setup')));
    const refused = receipts.find(({ status }) => status !== 'applied');
    if (refused) throw new Error(`set-up was refused: ${JSON.stringify(refused)}`);
  };
  const profile = { name: 'bench' };
  await send([line(hospital, 'hospital:register', { keys: hospital.keys, profile })]);
  await send(
    doctors.map((d) => line(d, 'user:register', { role: 'doctor', keys: d.keys, profile })),
  );
  await send(doctors.map((d) => line(d, 'affiliation:request', { hospital: hospital.id })));
  await send(
    doctors.map((d) => line(hospital, 'affiliation:authorise', { doctor: d.id, replaces: 1 })),
  );
  await send(
    patients.map((p) =>
      line(p, 'user:register', {
        role: 'patient',
        keys: p.keys,
        epoch: { number: 1, key: p.keys.seal },
        escrow: null,
      }),
    ),
  );
  await send(
    patients.map((p) =>
      line(p, 'consent:grant', {
        patient: p.id,
        terms: {
          effect: 'permit',
          grantee: { kind: 'hospital', id: hospital.id },
          scope: { kind: 'full' },
          actions: ['view'],
          purposes: ['treatment'],
        },
      }),
    ),
  );
  return { hospital, patients, doctors };
}

function terms(): ArgumentsOf<'report:anchor'>['report'] {
  const digest = () => randomBytes(32).toString('base64url');
  const object = () => ({ cloud: 'bench', object: digest(), sha256: digest() });
  return {
    storage: 'stego',
    suite: 'A256GCM',
    parts: [object()],
    label: object(),
    commitment: digest(),
    tag: randomBytes(16).toString('base64url'),
    month: '2026-01',
    epoch: 1,
  };
}

function line<T extends OperationType>(
  by: Signer,
  type: T,
  args: ArgumentsOf<T>,
): { id: string; line: string } {
  const issuedAt = Date.now();
  const id = operationId(issuedAt, randomBytes(10));
  const expiresAt = issuedAt + LIFE_MS;
  const { id: actor, kid } = by;
  const bytes = operationBytes({
    v: 1,
    ledger: CHANNEL,
    type,
    actor,
    kid,
    id,
    issuedAt,
    expiresAt,
    args,
  });
  const signature = sign('sha256', Buffer.from(signedText(bytes)), {
    key: by.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return { id, line: operationLine(bytes, lowS(signature).toString('base64url')) };
}

function lowS(signature: Buffer): Buffer {
  const s = BigInt(`0x${signature.toString('hex', 32)}`);
  if (s * 2n <= ORDER) return signature;
  const low = Buffer.from((ORDER - s).toString(16).padStart(64, '0'), 'hex');
  return Buffer.concat([signature.subarray(0, 32), low]);
}

function signer(): Signer {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keys = {
    sign: point(pair.publicKey),
    seal: point(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey),
  };
  return { id: userIdOf(keys.sign), kid: kidOf(keys.sign), keys, privateKey: pair.privateKey };
}

function signers(count: number): Signer[] {
  return Array.from({ length: count }, signer);
}

function point(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).subarray(-65).toString('base64url');
}

function at<T>(list: readonly T[], n: number): T {
  const item = list[n % list.length];
  if (item === undefined) throw new RangeError('an empty list');
  return item;
}
