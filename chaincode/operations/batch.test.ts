// A batch is nothing but its operations: each stands alone on its own savepoint, sees those before it, and leaves the
// world that it would have left in a transaction of its own.

import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalise, type Receipt } from '../model/index.js';
import {
  inlineVerifier,
  SignaturesAhead,
  ThreadedVerifier,
  type SignatureVerifier,
} from '../signatures/index.js';
import { keys, World } from '../state/index.js';
import {
  digest,
  dump,
  fateIn,
  MemoryLedger,
  newKeyPair,
  nextId,
  permit,
  reportTerms,
  Scene,
  stage,
  type Stage,
} from '../testkit/index.js';
import { applyBatch } from './apply.js';

describe('batches', () => {
  it('a refused operation in the middle leaves no write', async () => {
    const s = await stage();
    const { scene, patient, doctor } = s;
    // Takes the slot first, and is refused afterwards for want of care.
    const refused = scene.line(s.otherPatient, 'appointment:book', {
      patient: s.otherPatient.id,
      doctor: doctor.id,
      offer: s.offer,
      slot: s.slots[1],
    });
    const before = scene.line(patient, 'consent:grant', {
      patient: patient.id,
      terms: permit(doctor.id),
    });
    const after = scene.line(patient, 'appointment:book', {
      patient: patient.id,
      doctor: doctor.id,
      offer: s.offer,
      slot: s.slots[1],
    });
    const { receipts, stub } = await scene.simulate([before, refused, after]);
    expect(receipts.map(fateIn)).to.deep.equal(['applied', 'NO_CARE', 'applied']);
    const without = await scene.simulate([before, after]);
    expect(dump(stub.writes)).to.deep.equal(dump(without.stub.writes));
  });

  it('alone, the refused one writes nothing at all', async () => {
    const s = await stage();
    const { receipts, stub } = await s.scene.simulate([
      s.scene.line(s.otherPatient, 'appointment:book', {
        patient: s.otherPatient.id,
        doctor: s.doctor.id,
        offer: s.offer,
        slot: s.slots[1],
      }),
      'not an operation',
    ]);
    expect(receipts.map(fateIn)).to.deep.equal(['NO_CARE', 'MALFORMED']);
    expect(receipts[1]?.id).to.equal('');
    expect(stub.puts).to.deep.equal([]);
  });

  it('later operations see what earlier ones wrote, registrations and new keys included', async () => {
    const s = await stage();
    const { scene, nobody } = s;
    const register = scene.line(nobody, 'user:register', {
      role: 'patient',
      keys: nobody.keys,
      epoch: { number: 1, key: newKeyPair().publicKey },
      escrow: null,
    });
    const anchor = scene.line(nobody, 'report:anchor', {
      patient: nobody.id,
      report: reportTerms(),
    });
    const grant = scene.line(nobody, 'consent:grant', {
      patient: nobody.id,
      terms: permit(s.otherDoctor.id),
    });
    const report = JSON.parse(anchor) as { operation: { id: string } };
    const view = scene.line(s.otherDoctor, 'access:request', {
      patient: nobody.id,
      report: report.operation.id,
      action: 'view',
      purpose: 'treatment',
      actingFor: s.otherHospital.id,
    });
    const { receipts } = await scene.simulate([view, register, anchor, view, grant]);
    expect(receipts.map(fateIn)).to.deep.equal([
      'NOT_FOUND',
      'applied',
      'applied',
      'NO_CONSENT',
      'applied',
    ]);
  });

  it('two of the same in one batch: one effect, one receipt twice', async () => {
    const s = await stage();
    const line = s.scene.line(s.patient, 'report:anchor', {
      patient: s.patient.id,
      report: reportTerms(),
    });
    const { receipts, stub } = await s.scene.simulate([line, line]);
    expect(receipts[1]).to.deep.equal(receipts[0]);
    expect(stub.puts).to.have.length(1);
  });

  it('equals the same operations applied one a transaction, receipts and world to the byte', async () => {
    const s = await stage();
    const moves = await storyOf(s);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: moves.length - 1 }), { minLength: 2, maxLength: 24 }),
        async (picks) => {
          const lines = picks.map((pick) => moves[pick] ?? '');
          const [together, alone] = [s.scene.fork(), s.scene.fork()];
          const receipts = await together.apply(...lines);
          const singles: Receipt[] = [];
          for (const line of lines) singles.push(await alone.one(line));
          expect(receipts).to.deep.equal(singles);
          expect(together.ledger.dump()).to.deep.equal(alone.ledger.dump());
        },
      ),
      { numRuns: 120 },
    );
  });

  it('gives the same writes and receipts on two endorsers, whatever their threads', async () => {
    const s = await stage();
    const lines = await storyOf(s);
    const verifier = new ThreadedVerifier(2);
    try {
      const results = [];
      for (const signatures of [verifier, new ThreadedVerifier(1)]) {
        const stub = s.scene.fork().ledger.begin(s.scene.nowMs);
        const world = new World(stub);
        const { genesis, nowMs } = s.scene;
        const context = { world, genesis, nowMs, verifier: signatures };
        const receipts = await applyBatch(lines, context);
        await world.flush();
        results.push({ receipts, writes: dump(stub.writes), puts: stub.puts });
        if (signatures !== verifier) await signatures.close();
      }
      expect(results[0]).to.deep.equal(results[1]);
      expect(results[0]?.receipts.filter((r) => r.status === 'applied')).to.have.length.above(10);
    } finally {
      await verifier.close();
    }
  });

  it('gives the same whether its signatures were announced before or not', async () => {
    const s = await stage();
    const { scene, doctor, patient, hospital, report } = s;
    const request = { patient: patient.id, report, action: 'view', purpose: 'treatment' } as const;
    const lines = Array.from({ length: 40 }, () =>
      scene.line(doctor, 'access:request', { ...request, actingFor: hospital.id }),
    );
    // The first operation's signature under the second's bytes.
    lines[1] = `${lines[1]?.slice(0, -88) ?? ''}${lines[0]?.slice(-88) ?? ''}`;
    const inline = await scene.simulate(lines);
    let checked = 0;
    const ahead = new SignaturesAhead({
      verifyOnOne: (checks) => {
        checked += checks.length;
        return inlineVerifier.verify(checks);
      },
    });
    ahead.learn(doctor.kid, doctor.signing.publicKey);
    for (const line of lines) ahead.announce(line);
    const verifier: SignatureVerifier = {
      verify: (checks) => {
        checked += checks.length;
        return inlineVerifier.verify(checks);
      },
    };
    const stub = scene.fork().ledger.begin(scene.nowMs);
    const world = new World(stub);
    const { genesis, nowMs } = scene;
    const receipts = await applyBatch(lines, { world, genesis, nowMs, verifier, ahead });
    await world.flush();
    expect(receipts).to.deep.equal(inline.receipts);
    expect(receipts.map(fateIn)[1]).to.equal('BAD_SIGNATURE');
    expect(dump(stub.writes)).to.deep.equal(dump(inline.stub.writes));
    // Only what was not sent ahead, and what did not fit then, is checked in the batch.
    expect(checked).to.equal(32 + 8 + 1);
  });

  it('reads what a usual batch needs in few turns, and each key once', async () => {
    const s = await stage();
    const { scene, patient, doctor } = s;
    const cancel = { patient: patient.id, id: s.appointment, replaces: 1 };
    const message = { patient: patient.id, id: s.consultation, replaces: 1, count: 1 };
    const lines = [
      scene.line(patient, 'appointment:cancel', cancel),
      scene.line(doctor, 'consultation:message', { ...message, head: digest('one') }),
      scene.line(patient, 'consent:grant', { patient: patient.id, terms: permit(s.stranger.id) }),
    ];
    const stub = scene.ledger.begin(scene.nowMs);
    let turns = 0;
    let asked = false;
    const counting = {
      putState: (key: string, value: Uint8Array) => stub.putState(key, value),
      getState: (key: string) => {
        if (!asked) turns++;
        asked = true;
        setImmediate(() => (asked = false));
        return new Promise<Buffer>((resolve) =>
          setImmediate(() => void stub.getState(key).then(resolve)),
        );
      },
    };
    const world = new World(counting);
    const { genesis, nowMs } = scene;
    const receipts = await applyBatch(lines, { world, genesis, nowMs, verifier: inlineVerifier });
    expect(receipts.map(fateIn)).to.deep.equal(['applied', 'applied', 'applied']);
    expect(turns).to.equal(2);
    expect(stub.reads).to.have.length(new Set(stub.reads).size);
  });

  it('neither the transaction’s time nor its id enters state', async () => {
    const s = await stage();
    const lines = await storyOf(s);
    const [now, later] = [s.scene.fork(), s.scene.fork()];
    later.pass(60_000);
    later.ledger.begin(0);
    await now.apply(...lines);
    await later.apply(...lines);
    expect(now.ledger.dump()).to.deep.equal(later.ledger.dump());
  });

  it('writes canonical JSON only', async () => {
    const s = await stage();
    for (const text of Object.values(s.scene.ledger.dump()).filter((v) => v.includes('"last"')))
      expect(canonicalise(JSON.parse(text))).to.equal(text);
  });
});

/** Operations that build on and stand in each other's way, in some order. */
async function storyOf(s: Stage): Promise<string[]> {
  const { scene, patient, doctor, otherDoctor, hospital, otherHospital } = s;
  const id = patient.id;
  const epoch = () => ({ number: 2, key: newKeyPair().publicKey });
  const granted = scene.line(patient, 'consent:grant', { patient: id, terms: permit(doctor.id) });
  const consent = idIn(granted);
  const view = (who: typeof doctor, at: string, report: string) =>
    scene.line(who, 'access:request', {
      patient: id,
      report,
      action: 'view',
      purpose: 'treatment',
      actingFor: at,
    });
  const change = { patient: id, id: s.report, replaces: 1 };
  const scenes: string[] = [
    granted,
    view(doctor, hospital.id, s.ownReport),
    scene.line(patient, 'consent:revoke', { patient: id, id: consent, replaces: 1 }),
    scene.line(patient, 'consent:revoke', {
      patient: id,
      id: consent,
      replaces: 1,
      epoch: epoch(),
    }),
    view(doctor, hospital.id, s.ownReport),
    view(otherDoctor, otherHospital.id, s.report),
    scene.line(doctor, 'report:withdraw', change),
    view(otherDoctor, otherHospital.id, s.report),
    scene.line(patient, 'report:erase', { ...change, replaces: 2 }),
    scene.line(patient, 'report:erase', change),
    scene.line(s.keeper, 'report:anchor', { patient: id, report: reportTerms() }),
    scene.line(s.keeper, 'report:anchor', { patient: id, report: reportTerms({ epoch: 2 }) }),
    scene.line(s.keeper, 'kin:end', { patient: id, id: s.keeperLink, replaces: 1 }),
    scene.line(doctor, 'care:end', { patient: id, id: s.care, replaces: 2 }),
    scene.line(patient, 'care:request', { doctor: doctor.id, hospital: hospital.id }),
    scene.line(hospital, 'affiliation:suspend', { doctor: doctor.id, replaces: 2 }),
    scene.line(hospital, 'affiliation:authorise', { doctor: doctor.id, replaces: 3 }),
    scene.line(patient, 'user:escrow', { escrow: null, replaces: 1, epoch: epoch() }),
    ...[1, 1, 2].map((slot) =>
      scene.line(patient, 'appointment:book', {
        patient: id,
        doctor: doctor.id,
        offer: s.offer,
        slot: s.slots[slot] ?? '',
      }),
    ),
    scene.line(patient, 'appointment:move', {
      patient: id,
      id: s.appointment,
      replaces: 1,
      offer: s.offer,
      slot: s.slots[1],
    }),
    scene.line(doctor, 'consultation:message', {
      patient: id,
      id: s.consultation,
      replaces: 1,
      count: 2,
      head: digest('two'),
    }),
    scene.line(s.stranger, 'key:object', { proposal: s.seconded }),
    scene.line(hospital, 'key:complete', { user: s.stranger.id, proposal: s.seconded }),
    scene.line(otherHospital, 'access:review', {
      patient: id,
      id: s.emergency,
      replaces: 1,
      verdict: 'justified',
    }),
    scene.line(s.nobody, 'hospital:register', { keys: s.nobody.keys, profile: { name: 'New' } }),
    scene.line(hospital, 'hospital:vote', { candidate: s.nobody.id }),
    scene.line(doctor, 'access:emergency', {
      patient: id,
      actingFor: hospital.id,
      reason: digest('now'),
    }),
    '{"operation":{"v":2},"signature":"x"}',
  ];
  // The story must be more than refusals.
  const { receipts } = await scene.simulate(scenes);
  expect(receipts.filter((r) => r.status === 'applied')).to.have.length.above(10);
  return scenes;
}

function idIn(line: string): string {
  return (JSON.parse(line) as { operation: { id: string } }).operation.id;
}

describe('the world overlay', () => {
  it('reads a key once, sees its own writes, undoes one operation’s alone, and writes in key order', async () => {
    const ledger = new MemoryLedger();
    ledger.state.set(keys.consortium.name, Buffer.from('{"hospitals":["a"]}'));
    const stub = ledger.begin(0);
    const world = new World(stub);
    expect(await world.get(keys.consortium)).to.deep.equal({ hospitals: ['a'] });
    world.put(keys.consortium, { hospitals: ['b'] });
    expect(await world.get(keys.consortium)).to.deep.equal({ hospitals: ['b'] });
    world.undo();
    expect(await world.get(keys.consortium)).to.deep.equal({ hospitals: ['a'] });
    world.put(keys.consortium, { hospitals: ['c'] });
    world.keep();
    world.put(keys.consortium, { hospitals: ['d'] });
    world.undo();
    expect(await world.get(keys.user('nobody'))).to.equal(null);
    expect(await world.get(keys.user('nobody'))).to.equal(null);
    const other = keys.affiliation('h', 'd');
    const mark = { version: 1, created: 'x', last: { id: 'i', hash: 'x', at: 0 } };
    world.put(other, { ...mark, hospital: 'h', doctor: 'd', status: 'left' });
    world.keep();
    await world.flush();
    expect(stub.reads).to.deep.equal(['consortium', 'user/nobody']);
    expect(stub.puts).to.deep.equal(['affiliation/h/d', 'consortium']);
    expect(stub.writes.get('consortium')?.toString()).to.equal('{"hospitals":["c"]}');
    await world.flush();
    expect(stub.puts, 'a second flush').to.have.length(2);
  });

  it('a scene starts empty', () => {
    expect(Object.keys(Scene.found(['h']).ledger.dump())).to.deep.equal(['consortium', 'genesis']);
    expect(nextId(0)).to.not.equal(nextId(0));
  });
});
