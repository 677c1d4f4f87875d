// The contracts through Fabric's own router, as a peer's chaincode container calls them.

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect } from 'chai';
import { keys } from '../state/index.js';
import {
  MAX_BATCH_BYTES,
  MAX_BATCH_OPERATIONS,
  MAX_SKEW_MS,
  OPERATION_TYPES,
  RECEIPTS_EVENT,
  recordsChaincode,
} from '../index.js';
import {
  certificateOf,
  fateIn,
  MemoryLedger,
  newKeyPair,
  nextId,
  permit,
  Person,
  stage,
  type Creator,
  type MemoryStub,
  type Stage,
} from '../testkit/index.js';
import { routerOf } from '../fabric/index.js';
import type { Receipt } from '../model/index.js';

const creatorOf = (privateKey: KeyObject): Creator => ({
  mspid: 'Org1',
  idBytes: Buffer.from(certificateOf(createPublicKey(privateKey), privateKey)),
});

/** One peer: its own clock, its own router. */
class Peer {
  readonly router = routerOf(recordsChaincode({ now: () => this.nowMs }));
  creator = creatorOf(newKeyPair().privateKey);

  constructor(
    readonly ledger: MemoryLedger,
    public nowMs: number,
  ) {}

  /** Answers with the payload, or throws what the chaincode said. */
  async call(name: string, args: readonly string[], timestampMs = this.nowMs): Promise<string> {
    return (await this.simulate(name, args, timestampMs)).payload;
  }

  async simulate(name: string, args: readonly string[], timestampMs = this.nowMs) {
    const stub = this.ledger.begin(timestampMs, this.creator, [name, ...args]);
    const { status, message, payload } = await this.router.Invoke(stub);
    if (status !== 200) throw new Error(message);
    return { payload: Buffer.from(payload ?? []).toString('utf8'), stub };
  }

  async submit(
    name: string,
    args: readonly string[],
  ): Promise<{ payload: string; stub: MemoryStub }> {
    const done = await this.simulate(name, args);
    this.ledger.commit(done.stub);
    return done;
  }
}

const peerOf = (s: Stage) => new Peer(s.scene.ledger, s.scene.nowMs);

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no failure',
    (error: unknown) => (error instanceof Error ? error.message : 'no error'),
  );
}

describe('contract metadata', () => {
  const { contracts } = new Peer(new MemoryLedger(), 0).router.metadata;

  it('lists every operation type by name, with its parameters', () => {
    for (const type of OPERATION_TYPES) {
      const [family = '', name = ''] = type.split(':');
      const transaction = contracts[family]?.transactions.find((t) => t.name === name);
      expect(transaction?.tag, type).to.include('submitTx');
      expect(transaction?.parameters, type).to.have.length(3);
    }
  });

  it('lists the batch entry, the genesis and the queries, the latter as evaluations', () => {
    const names = (contract: string) => contracts[contract]?.transactions.map((t) => t.name);
    expect(names('operations')).to.include.members(['apply', 'schemas']);
    expect(names('ledger')).to.deep.equal(['init']);
    expect(names('query')).to.include.members([
      'user',
      'reports',
      'accesses',
      'explain',
      'history',
    ]);
    for (const { name, tag } of contracts['query']?.transactions ?? [])
      expect(tag ?? [], name).to.not.include('submitTx');
  });
});

describe('ledger:init', () => {
  const hospital = new Person().id;
  const genesis = (over: object = {}) => JSON.stringify({ hospitals: [hospital], ...over });

  it('writes the genesis document, once', async () => {
    const peer = new Peer(new MemoryLedger(), 5_000_000);
    const batch = await failure(peer.call('operations:apply', ['']));
    expect(batch).to.contain('NOT_INITIALISED');
    const { payload } = await peer.submit('ledger:init', [genesis()]);
    expect(JSON.parse(payload)).to.deep.equal({
      channel: 'records',
      hospitals: [hospital],
      recoveryNoticeMs: 7 * 24 * 3_600_000,
      emergencyWindowMs: 3_600_000,
    });
    expect(await peer.call('query:genesis', [])).to.equal(payload);
    expect(await failure(peer.submit('ledger:init', [genesis()]))).to.contain(
      'ALREADY_INITIALISED',
    );
  });

  const bad = [
    '',
    '[]',
    genesis({ hospitals: [] }),
    genesis({ hospitals: ['x'] }),
    genesis({ hospitals: [hospital, hospital] }),
    genesis({ emergencyWindowMs: 0 }),
    genesis({ more: 1 }),
  ];
  for (const [i, text] of bad.entries()) {
    it(`refuses a bad one (${i + 1})`, async () => {
      const peer = new Peer(new MemoryLedger(), 0);
      expect(await failure(peer.call('ledger:init', [text]))).to.contain('BAD_ARGUMENTS');
    });
  }
});

describe('operations:apply', () => {
  it('answers with receipts, and one event holds the same bytes', async () => {
    const s = await stage();
    const grant = s.scene.line(s.patient, 'consent:grant', {
      patient: s.patient.id,
      terms: permit(s.doctor.id),
    });
    const { payload, stub } = await peerOf(s).submit('operations:apply', [
      `${grant}\n\nnonsense\n`,
    ]);
    const receipts = payload.split('\n').map((line) => JSON.parse(line) as Receipt);
    expect(receipts.map(fateIn)).to.deep.equal(['applied', 'MALFORMED']);
    expect(stub.event).to.deep.equal({ name: RECEIPTS_EVENT, payload });
  });

  it('two endorsers whose clocks differ agree; one whose clock is far off refuses to simulate', async () => {
    const s = await stage();
    const grant = s.scene.line(s.patient, 'consent:grant', {
      patient: s.patient.id,
      terms: permit(s.doctor.id),
    });
    const at = s.scene.nowMs;
    const [early, late, off] = [at - MAX_SKEW_MS, at + MAX_SKEW_MS, at + MAX_SKEW_MS + 1].map(
      (nowMs) => new Peer(s.scene.fork().ledger, nowMs),
    );
    const first = await early?.simulate('operations:apply', [grant], at);
    const second = await late?.simulate('operations:apply', [grant], at);
    expect(first?.payload).to.contain('applied').and.to.equal(second?.payload);
    expect([...(first?.stub.writes ?? [])]).to.deep.equal([...(second?.stub.writes ?? [])]);
    expect(
      await failure(off?.call('operations:apply', [grant], at) ?? Promise.resolve()),
    ).to.contain('CLOCK_SKEW');
  });

  it('refuses batches that are too large, counted in bytes', async () => {
    const s = await stage();
    const apply = (lines: string) => failure(peerOf(s).call('operations:apply', [lines]));
    expect(await apply('x\n'.repeat(MAX_BATCH_OPERATIONS + 1))).to.contain('BATCH_TOO_LARGE');
    expect(await apply('€'.repeat(MAX_BATCH_BYTES / 2))).to.contain('BATCH_TOO_LARGE');
    expect(await apply('x\n'.repeat(MAX_BATCH_OPERATIONS))).to.equal('no failure');
  });

  it('tells every schema', async () => {
    const schemas = JSON.parse(
      await new Peer(new MemoryLedger(), 0).call('operations:schemas', []),
    ) as { arguments: object };
    expect(Object.keys(schemas.arguments)).to.deep.equal(OPERATION_TYPES);
  });
});

describe('named transactions', () => {
  const grantArgs = (s: Stage) =>
    JSON.stringify({ patient: s.patient.id, terms: permit(s.doctor.id) });
  async function grant(s: Stage, key: KeyObject, args = grantArgs(s)): Promise<string> {
    const peer = peerOf(s);
    peer.creator = creatorOf(key);
    const id = nextId(s.scene.nowMs);
    const { payload, stub } = await peer.submit('consent:grant', [id, String(s.scene.nowMs), args]);
    expect(stub.event?.payload).to.equal(payload);
    return fateIn(JSON.parse(payload) as Receipt);
  }

  it('are done by whoever holds the certificate’s key', async () => {
    const s = await stage();
    expect(await grant(s, s.patient.signing.privateKey)).to.equal('applied');
    expect(await grant(s, s.stranger.signing.privateKey)).to.equal('NO_KIN_RIGHT');
    expect(await grant(s, newKeyPair().privateKey)).to.equal('UNKNOWN_ACTOR');
  });

  it('follow a rotation: the new key is the same user, the old one no longer', async () => {
    const s = await stage();
    const [before, after] = [s.patient.signing, newKeyPair()];
    const id = nextId(s.scene.nowMs);
    await s.scene.does(
      s.patient,
      'key:rotate',
      {
        keys: { sign: after.publicKey, seal: newKeyPair().publicKey },
        proof: Person.proof(after, s.patient.id, id),
        replaces: 1,
      },
      { id },
    );
    expect(await grant(s, before.privateKey)).to.equal('KEY_NOT_CURRENT');
    expect(await grant(s, after.privateKey)).to.equal('applied');
  });

  it('need a P-256 certificate and arguments that can be read', async () => {
    const s = await stage();
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    expect(await failure(grant(s, p384))).to.contain('UNKNOWN_CREATOR');
    expect(await failure(grant(s, rsa))).to.contain('UNKNOWN_CREATOR');
    const mine = s.patient.signing.privateKey;
    expect(await failure(grant(s, mine, 'no JSON'))).to.contain('BAD_ARGUMENTS');
    expect(await failure(grant(s, mine, '[]'))).to.contain('BAD_ARGUMENTS');
    expect(await failure(grant(s, mine, '{"a":0.5}'))).to.contain('NOT_CANONICAL');
    expect(await failure(grant(s, mine, JSON.stringify({ a: 'x'.repeat(17_000) })))).to.contain(
      'BAD_ARGUMENTS',
    );
    expect(await grant(s, mine, '{"a":1}')).to.equal('MALFORMED');
  });

  it('register the holder of the certificate’s key, and nobody else', async () => {
    const s = await stage();
    const peer = peerOf(s);
    peer.creator = creatorOf(s.nobody.signing.privateKey);
    const register = async (keyPair: Person['keys']) => {
      const args = JSON.stringify({ role: 'relative', keys: keyPair });
      const call = [nextId(s.scene.nowMs), String(s.scene.nowMs), args];
      return fateIn(JSON.parse(await peer.call('user:register', call)) as Receipt);
    };
    expect(await register(new Person().keys)).to.equal('UNKNOWN_ACTOR');
    expect(await register(s.nobody.keys)).to.equal('applied');
  });
});

describe('queries', () => {
  interface PageOf<T> {
    items: T[];
    bookmark: string;
  }
  const read = async <T>(peer: Peer, name: string, ...args: string[]) =>
    JSON.parse(await peer.call(`query:${name}`, args)) as T;

  it('page through a list, newest first, and end with an empty bookmark', async () => {
    const s = await stage();
    const peer = peerOf(s);
    const first = await read<PageOf<{ id: string }>>(peer, 'reports', s.patient.id, '1', '');
    expect(first.items.map((r) => r.id)).to.deep.equal([s.ownReport]);
    const second = await read<PageOf<{ id: string }>>(
      peer,
      'reports',
      s.patient.id,
      '1',
      first.bookmark,
    );
    expect(second.items.map((r) => r.id)).to.deep.equal([s.report]);
    expect(second.bookmark).to.equal('');
  });

  it('follow indexes to documents and policies', async () => {
    const s = await stage();
    const peer = peerOf(s);
    const [p, d, h] = [s.patient.id, s.doctor.id, s.hospital.id];
    const count = async (name: string, ...args: string[]) =>
      (await read<PageOf<unknown>>(peer, name, ...args, '100', '')).items.length;
    const counts: [number, string, ...string[]][] = [
      [4, 'users', 'doctor'],
      [3, 'affiliations', h],
      [1, 'hospitalsOf', d],
      [2, 'services', h],
      [0, 'services', s.otherHospital.id],
      [2, 'patientsOf', d],
      [1, 'kinOf', s.guardian.id],
      [1, 'grants', s.otherDoctor.id],
      [0, 'grants', d],
      [2, 'accesses', p],
      [1, 'emergencies', s.otherHospital.id],
      [1, 'offers', d],
      [1, 'appointments', p],
      [1, 'appointmentsOf', d],
      [1, 'consultations', p],
      [1, 'consultationsOf', d],
    ];
    for (const [expected, name, ...args] of counts)
      expect(await count(name, ...args), name).to.equal(expected);
    for (const [name, ...args] of [
      ['user', p],
      ['report', p, s.report],
      ['access', p, s.access],
      ['appointment', p, s.appointment],
      ['consultation', p, s.consultation],
      ['affiliation', h, d],
      ['consortium'],
    ] as [string, ...string[]][])
      expect(await read(peer, name, ...args), name).to.be.an('object');
  });

  it('refuse a bookmark of another list: it would read somebody else’s documents', async () => {
    const s = await stage();
    const peer = peerOf(s);
    for (const bookmark of ['a', keys.access(s.otherPatient.id, s.access).name, 'zzz']) {
      const args = [s.patient.id, '10', bookmark];
      expect(await failure(peer.call('query:reports', args))).to.contain('BAD_ARGUMENTS');
    }
  });

  it('refuse what is not there and what can’t be read', async () => {
    const s = await stage();
    const peer = peerOf(s);
    const fails = (name: string, ...args: string[]) => failure(peer.call(`query:${name}`, args));
    expect(await fails('user', s.nobody.id)).to.contain('NOT_FOUND');
    expect(await fails('report', s.patient.id, nextId(1))).to.contain('NOT_FOUND');
    expect(await fails('user', 'x')).to.contain('BAD_ARGUMENTS');
    expect(await fails('user', `${s.patient.id}/x`)).to.contain('BAD_ARGUMENTS');
    expect(await fails('report', s.patient.id, '../x')).to.contain('BAD_ARGUMENTS');
    expect(await fails('users', 'king', '10', '')).to.contain('BAD_ARGUMENTS');
    for (const size of ['0', '501', '1.5'])
      expect(await fails('users', 'doctor', size, ''), size).to.contain('BAD_ARGUMENTS');
    expect(await fails('explain', '{')).to.contain('BAD_ARGUMENTS');
    expect(await fails('explain', '{}')).to.contain('BAD_ARGUMENTS');
    expect(await fails('history', 'user', s.auditor.id, '', '10', 'elsewhere')).to.contain(
      'BAD_ARGUMENTS',
    );
    expect(await fails('history', 'offer', s.patient.id, '', '10', '')).to.contain('BAD_ARGUMENTS');
  });

  it('explain why', async () => {
    const s = await stage();
    const question = {
      patient: s.patient.id,
      actor: s.otherDoctor.id,
      report: s.report,
      action: 'view',
      purpose: 'treatment',
      actingFor: s.otherHospital.id,
      now: s.scene.nowMs,
    };
    const explain = (over: object) =>
      read<{ outcome: object; considered: object[] }>(
        peerOf(s),
        'explain',
        JSON.stringify({ ...question, ...over }),
      );
    const yes = await explain({});
    expect(yes.outcome).to.deep.equal({ decision: 'permit', basis: 'consent', by: s.consent });
    expect(yes.considered).to.deep.equal([
      { id: s.consent, effect: 'permit', status: 'active', applies: true },
    ]);
    expect((await explain({ action: 'download' })).outcome).to.deep.equal({
      decision: 'refuse',
      code: 'NO_CONSENT',
    });
    const nobody = JSON.stringify({ ...question, actor: s.nobody.id });
    expect(await failure(peerOf(s).call('query:explain', [nobody]))).to.contain('NOT_FOUND');
  });

  it('tell a document’s history, newest first', async () => {
    const s = await stage();
    const page = (size: string, bookmark: string) =>
      read<{
        items: { transactionId: string; committedAt: number; document: { version: number } }[];
        bookmark: string;
      }>(peerOf(s), 'history', 'user', s.auditor.id, '', size, bookmark);
    const whole = await page('10', '');
    expect(whole.items.map(({ document }) => document.version)).to.deep.equal([3, 2, 1]);
    expect(whole.items[0]?.committedAt).to.be.a('number');
    expect(whole.bookmark).to.equal('');
    const first = await page('2', '');
    expect(first.items).to.deep.equal(whole.items.slice(0, 2));
    const second = await page('2', first.bookmark);
    expect(second).to.deep.equal({ items: whole.items.slice(2), bookmark: '' });
    const change = { patient: s.patient.id, id: s.report, replaces: 1 };
    await s.scene.does(s.doctor, 'report:withdraw', change);
    const report = await read<{ items: { document: { status: string } }[] }>(
      peerOf(s),
      'history',
      'report',
      s.patient.id,
      s.report,
      '10',
      '',
    );
    expect(report.items.map(({ document }) => document.status)).to.deep.equal([
      'withdrawn',
      'active',
    ]);
  });
});
