// How often a hot batch touches the world state: each access is a round trip to the peer, and what limits throughput on a
// real network. The figures and why they are what they are: docs/decisions/0001-state-access-budget.md.

import { expect } from 'chai';
import {
  type MemoryStub,
  Person,
  newKeyPair,
  permit,
  reportTerms,
  stage,
} from '../testkit/index.js';

const PATIENTS = 100;
const REPORTS = 300;
const DOCTORS = 20;
const BATCH = 500;

interface Hot {
  readonly stub: MemoryStub;
  readonly perOperation: number;
}

describe('state accesses on the hot path', function () {
  this.timeout(30_000);
  let anchors: Hot;
  let accesses: Hot;
  let reread: Hot;

  before(async () => {
    const town = await settle();
    anchors = await run(town, town.anchors());
    accesses = await run(town, town.accesses(false));
    reread = await run(town, town.accesses(true));
  });

  it('reads each key at most once and writes each document once', () => {
    for (const { stub } of [anchors, accesses, reread]) {
      expect(new Set(stub.reads).size).to.equal(stub.reads.length);
      expect(new Set(stub.puts).size).to.equal(stub.puts.length);
    }
  });

  it('reads a policy at most once a patient and batch, and writes none', () => {
    for (const { stub } of [anchors, accesses, reread]) {
      const users = stub.reads.filter((key) => key.startsWith('user/'));
      expect(users.length).to.be.at.most(PATIENTS + DOCTORS + 1);
      expect(stub.puts.filter((key) => key.startsWith('user/'))).to.deep.equal([]);
    }
  });

  it('an anchor: one read for repetition, one write', () => {
    expect(anchors.stub.reads.filter((key) => key.startsWith('report/'))).to.have.length(BATCH);
    expect(anchors.stub.puts).to.have.length(BATCH);
    expect(anchors.perOperation).to.be.at.most(2 + shared());
    console.log(`      anchors: ${anchors.perOperation.toFixed(2)} state accesses an operation`);
  });

  it('an access: one read for repetition, one write, and the report once a batch', () => {
    const reports = accesses.stub.reads.filter((key) => key.startsWith('report/')).length;
    expect(accesses.stub.puts).to.have.length(BATCH);
    expect(reports).to.be.at.most(REPORTS);
    expect(accesses.perOperation).to.be.at.most(2 + reports / BATCH + shared());
    console.log(
      `      accesses (zipf): ${accesses.perOperation.toFixed(2)} state accesses an operation, ` +
        `${reports} distinct reports`,
    );
    expect(reread.perOperation).to.be.at.most(2 + 1 / BATCH + shared());
    console.log(`      accesses (one report): ${reread.perOperation.toFixed(2)}`);
  });
});

/** Policies, doctors, affiliations and hospital: read once a batch, whatever it holds. */
function shared(): number {
  return (PATIENTS + 2 * DOCTORS + 1) / BATCH;
}

interface Town {
  readonly scene: Awaited<ReturnType<typeof stage>>['scene'];
  anchors(): string[];
  accesses(sameReport: boolean): string[];
}

/** Patients with reports, doctors of one hospital, and a consent of every patient to that hospital. */
async function settle(): Promise<Town> {
  const { scene, hospital } = await stage();
  const people = (count: number) => Array.from({ length: count }, () => new Person());
  const [patients, doctors] = [people(PATIENTS), people(DOCTORS)];
  const epoch = { number: 1, key: newKeyPair().publicKey } as const;
  await scene.apply(
    ...patients.map((who) =>
      scene.line(who, 'user:register', { role: 'patient', keys: who.keys, epoch, escrow: null }),
    ),
    ...doctors.map((who) =>
      scene.line(who, 'user:register', {
        role: 'doctor',
        keys: who.keys,
        profile: { name: 'Dr' },
      }),
    ),
    ...doctors.map((who) => scene.line(who, 'affiliation:request', { hospital: hospital.id })),
    ...doctors.map((who) =>
      scene.line(hospital, 'affiliation:authorise', { doctor: who.id, replaces: 1 }),
    ),
  );
  const grantee = { kind: 'hospital', id: hospital.id } as const;
  await scene.apply(
    ...patients.map((who) =>
      scene.line(who, 'consent:grant', {
        patient: who.id,
        terms: permit(hospital.id, { grantee, actions: ['view', 'upload'] }),
      }),
    ),
  );
  const random = mulberry(7);
  const pick = <T>(list: readonly T[]): T => zipf(list, random());
  const reportLine = (who: Person, patient: Person) =>
    scene.line(who, 'report:anchor', {
      patient: patient.id,
      actingFor: hospital.id,
      report: reportTerms(),
    });
  const reports: { patient: Person; id: string }[] = [];
  for (let i = 0; i < REPORTS; i++) {
    const patient = patients[i % PATIENTS];
    if (!patient) throw new Error('no patients');
    const [receipt] = await scene.apply(reportLine(pick(doctors), patient));
    if (receipt?.status !== 'applied') throw new Error('a report was refused');
    reports.push({ patient, id: receipt.id });
  }
  const batch = (line: () => string) => Array.from({ length: BATCH }, line);
  return {
    scene,
    anchors: () => batch(() => reportLine(pick(doctors), pick(patients))),
    accesses: (sameReport) =>
      batch(() => {
        const { patient, id } = sameReport ? zipf(reports, 0) : pick(reports);
        return scene.line(pick(doctors), 'access:request', {
          patient: patient.id,
          report: id,
          action: 'view',
          purpose: 'treatment',
          actingFor: hospital.id,
        });
      }),
  };
}

async function run({ scene }: Town, lines: readonly string[]): Promise<Hot> {
  const { receipts, stub } = await scene.simulate(lines);
  for (const receipt of receipts) {
    expect(receipt.status).to.equal('applied');
    if (receipt.status === 'applied' && receipt.outcome)
      expect(receipt.outcome.decision).to.equal('permit');
  }
  return { stub, perOperation: (stub.reads.length + stub.puts.length) / lines.length };
}

/** Rank r is picked with a weight of about 1 / r. */
function zipf<T>(list: readonly T[], uniform: number): T {
  const rank = Math.floor(Math.pow(list.length + 1, uniform)) - 1;
  const item = list[Math.min(rank, list.length - 1)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

/** A small seeded generator, so that the printed figures are the same each time. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
