// How many bytes an operation adds to the embedded ledger: blocks, world state and key history, as stored before the
// database's own compression. Usage: npm run build && node scripts/measure-bytes.mjs
// The figures in docs/architecture.md come from here.

import { randomBytes, createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  kidOf,
  operationBytes,
  operationId,
  operationLine,
  RECORDS,
  recordsChaincode,
  signedText,
  userIdOf,
} from '@prms/chaincode';
import { openEmbeddedLedger } from '@prms/network';
import { Level } from 'level';

const CHANNEL = 'records';
const COUNT = 200;
/** Order of P-256, halved: signatures above are mirrored down (low-S). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const digest = () => createHash('sha256').update(randomBytes(32)).digest('base64url');
const shortDigest = () => randomBytes(16).toString('base64url');

function keyPair() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x, y } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([
    Buffer.of(4),
    Buffer.from(x, 'base64url'),
    Buffer.from(y, 'base64url'),
  ]).toString('base64url');
  return { privateKey, point };
}

function person() {
  const signing = keyPair();
  const keys = { sign: signing.point, seal: keyPair().point };
  return { id: userIdOf(keys.sign), keys, privateKey: signing.privateKey };
}

function lowS(signature) {
  const s = BigInt(`0x${signature.subarray(32).toString('hex')}`);
  if (s <= ORDER / 2n) return signature;
  const mirrored = (ORDER - s).toString(16).padStart(64, '0');
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(mirrored, 'hex')]);
}

function operation(actor, type, args, lifeMs = 10 * 60_000) {
  const issuedAt = Date.now();
  const bytes = operationBytes({
    v: 1,
    ledger: CHANNEL,
    type,
    actor: actor.id,
    kid: kidOf(actor.keys.sign),
    id: operationId(issuedAt, randomBytes(10)),
    issuedAt,
    expiresAt: issuedAt + lifeMs,
    args,
  });
  const key = { key: actor.privateKey, dsaEncoding: 'ieee-p1363' };
  const signature = lowS(sign('sha256', Buffer.from(signedText(bytes), 'utf8'), key));
  return operationLine(bytes, signature.toString('base64url'));
}

const idOf = (line) => JSON.parse(line).operation.id;

/** Sums of what the store holds, by its three kinds of entry. */
async function stored(dir) {
  const db = new Level(join(dir, 'db'), { valueEncoding: 'buffer' });
  const sums = { b: 0, s: 0, h: 0 };
  for await (const [key, value] of db.iterator()) {
    const kind = key.slice(0, 1);
    if (kind in sums) sums[kind] += Buffer.byteLength(key) + value.length;
  }
  await db.close();
  return sums;
}

async function folderBytes(dir) {
  let sum = 0;
  for (const name of await readdir(dir, { recursive: true })) {
    const info = await stat(join(dir, name));
    if (info.isFile()) sum += info.size;
  }
  return sum;
}

const open = (dir) =>
  openEmbeddedLedger({ dir, channel: CHANNEL, chaincodes: { [RECORDS]: recordsChaincode } });

async function submit(dir, lines, batchSize) {
  const ledger = await open(dir);
  for (let at = 0; at < lines.length; at += batchSize) {
    const { result } = await ledger.submit(RECORDS, 'operations:apply', [
      lines.slice(at, at + batchSize).join('\n'),
    ]);
    const refused = Buffer.from(result)
      .toString()
      .split('\n')
      .map((line) => JSON.parse(line))
      .find((r) => r.status !== 'applied');
    if (refused) throw new Error(`refused: ${JSON.stringify(refused)}`);
  }
  await ledger.close();
}

async function measure(dir, name, lines, batchSize) {
  const before = await stored(dir);
  await submit(dir, lines, batchSize);
  const after = await stored(dir);
  const each = (kind) => Math.round((after[kind] - before[kind]) / lines.length);
  const line = Math.round(lines.reduce((sum, l) => sum + l.length, 0) / lines.length);
  console.log(
    `${name.padEnd(22)} batch ${String(batchSize).padStart(3)}: operation ${line}, blocks ${each('b')}, state ${each('s')}, history ${each('h')}, sum ${each('b') + each('s') + each('h')} bytes`,
  );
}

function anchor(actor, patient, actingFor) {
  const object = () => ({
    cloud: 'filesystem',
    object: randomBytes(32).toString('base64url'),
    sha256: digest(),
  });
  const report = {
    storage: 'stego',
    suite: 'A256GCM',
    parts: [object()],
    label: object(),
    commitment: digest(),
    tag: shortDigest(),
    month: '2030-01',
    epoch: 1,
  };
  return operation(actor, 'report:anchor', { patient, actingFor, report });
}

async function main(dir) {
  const [hospital, doctor] = [person(), person()];
  const ledger = await open(dir);
  await ledger.submit(RECORDS, 'ledger:init', [JSON.stringify({ hospitals: [hospital.id] })]);
  await ledger.close();
  const { keys } = hospital;
  const profile = { name: 'A name of usual length' };
  await submit(dir, [operation(hospital, 'hospital:register', { keys, profile })], 1);
  await submit(
    dir,
    [operation(doctor, 'user:register', { role: 'doctor', keys: doctor.keys, profile })],
    1,
  );
  await submit(dir, [operation(doctor, 'affiliation:request', { hospital: hospital.id })], 1);
  await submit(
    dir,
    [operation(hospital, 'affiliation:authorise', { doctor: doctor.id, replaces: 1 })],
    1,
  );

  const patients = Array.from({ length: COUNT }, person);
  const register = patients.map((p) =>
    operation(p, 'user:register', {
      role: 'patient',
      keys: p.keys,
      epoch: { number: 1, key: keyPair().point },
      escrow: hospital.id,
    }),
  );
  await measure(dir, 'user:register', register, 50);
  const asked = patients.map((p) =>
    operation(p, 'care:request', { doctor: doctor.id, hospital: hospital.id }),
  );
  await measure(dir, 'care:request', asked, 50);
  const approved = asked.map((line, i) =>
    operation(doctor, 'care:approve', { patient: patients[i].id, id: idOf(line), replaces: 1 }),
  );
  await measure(dir, 'care:approve', approved, 50);
  const terms = {
    effect: 'permit',
    grantee: { kind: 'user', id: doctor.id },
    scope: { kind: 'full' },
    actions: ['view'],
    purposes: ['treatment'],
  };
  const granted = patients.map((p) => operation(p, 'consent:grant', { patient: p.id, terms }));
  await measure(dir, 'consent:grant', granted, 50);
  let anchored = [];
  for (const batchSize of [1, 50]) {
    anchored = patients.map((p) => anchor(doctor, p.id, hospital.id));
    await measure(dir, 'report:anchor', anchored, batchSize);
  }
  for (const batchSize of [1, 50]) {
    const accesses = anchored.map((line, i) =>
      operation(doctor, 'access:request', {
        patient: patients[i].id,
        report: idOf(line),
        action: 'view',
        purpose: 'treatment',
        actingFor: hospital.id,
      }),
    );
    await measure(dir, 'access:request', accesses, batchSize);
  }
  const { b, s, h } = await stored(dir);
  console.log(`all: ${b + s + h} bytes stored, ${await folderBytes(dir)} on disk`);
}

const dir = await mkdtemp(join(tmpdir(), 'prms-bytes-'));
try {
  await main(dir);
} finally {
  await rm(dir, { recursive: true, force: true });
}
