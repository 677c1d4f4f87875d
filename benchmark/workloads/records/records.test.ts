import { expect } from 'chai';
import type { Connection } from '../../platforms/platform.js';
import type { Applied } from '../workload.js';
import { records } from './index.js';
import { MIX } from './generator.js';
import {
  appliedOf,
  openLedger,
  type OpenLedger,
  play,
  type Played,
  prepared,
  quickSetting,
} from './testing.js';

const CALLS = 1500;
const UNDER_WAY = 600;
const UNSENT = 200;
const GENERATORS = 2;

describe('records on a ledger', function () {
  this.timeout(120_000);
  const setting = quickSetting(7);
  let ledger: OpenLedger;
  let connections: Connection[];
  let world: unknown;
  let played: Played[];
  /** What the same streams made next, and a connection answered without sending it. */
  let neverSent: Played[];

  before(async () => {
    ledger = await openLedger(records.chaincode);
    connections = Array.from({ length: GENERATORS }, () => ledger.connect());
    const [first] = connections;
    if (first === undefined) throw new Error('no connection');
    world = await prepared(records, setting, first);
    // Two generators at once, each with hundreds of calls in flight, over four lanes each.
    const parts = await Promise.all(
      connections.map(async (connection, generator) => {
        const share = { generator, generators: GENERATORS, calls: CALLS };
        const stream = await records.open(setting, world, share);
        const sent = await play(stream, connection, CALLS, UNDER_WAY);
        return { sent, unsent: await play(stream, liar(sent), UNSENT, 1) };
      }),
    );
    played = parts.flatMap(({ sent }) => sent);
    neverSent = parts.flatMap(({ unsent }) => unsent);
  });

  after(async () => {
    for (const connection of connections) await connection.close();
    await ledger.close();
  });

  it('applies every call that is allowed', () => {
    const wrong = played.filter(
      ({ call, answer }) => call.refusable !== true && answer.status !== 'applied',
    );
    expect(wrong.map(({ call, answer }) => `${call.kind}: ${answer.code ?? ''}`)).to.deep.equal([]);
  });

  it('has every marked call refused, of every kind, by the rule that it breaks', () => {
    const marked = played.filter(({ call }) => call.refusable === true);
    const codes = new Map<string, Set<string>>();
    for (const { call, answer } of marked) {
      const seen = codes.get(call.kind) ?? new Set();
      codes.set(call.kind, seen.add(answer.code ?? answer.status));
    }
    const found = Object.fromEntries([...codes].map(([kind, seen]) => [kind, [...seen].sort()]));
    expect(found).to.deep.equal({
      'access:request': ['NOT_FOUND'],
      'report:anchor': ['NO_CARE'],
      'consultation:message': ['VERSION_CONFLICT'],
      'consent:grant': ['NOT_OWNER'],
      'consent:revoke': ['EPOCH_REQUIRED'],
      appointment: ['NOT_OWNER', 'SLOT_TAKEN'],
    });
  });

  it('has calls of one patient in flight together, and conflicts with nobody', () => {
    const lanes = new Map<string, number>();
    for (const { call } of played)
      if (call.way === 'ordered') lanes.set(call.lane, (lanes.get(call.lane) ?? 0) + 1);
    expect(Math.max(...lanes.values())).to.be.above(200);
    expect(played.filter(({ answer }) => answer.attempts > 1)).to.have.length(0);
  });

  it('tells that what was answered is there', async () => {
    expect(await verdictOn(appliedOf(played))).to.deep.include({ ok: true });
  });

  for (const kind of Object.keys(MIX)) {
    it(`tells when ${kind} was answered and never done`, async () => {
      const lost = neverSent.filter(({ call }) => call.kind === kind && call.refusable !== true);
      const verdict = await verdictOn(appliedOf([...played, ...lost]));
      expect(verdict.ok).to.equal(false);
      expect(verdict.says[0]).to.match(/not there|should be/);
    });
  }

  it('tells when something was answered as refused, and is there', async () => {
    const [one] = appliedOf(played.filter(({ call }) => call.kind === 'report:anchor'));
    if (one === undefined) throw new Error('no report');
    const verdict = await verdictOn([...appliedOf(played), { ...one, status: 'refused' }]);
    expect(verdict).to.have.property('ok', false);
    expect(verdict.says[0]).to.match(/answered as refused/);
  });

  it('tells when a transaction was answered and is not on the ledger', async () => {
    const verdict = await verdictOn(appliedOf(played), ['elsewhere']);
    expect(verdict).to.have.property('ok', false);
    expect(verdict.says[0]).to.match(/not on the ledger/);
  });

  async function verdictOn(applied: readonly Applied[], order?: readonly string[]) {
    const [connection] = connections;
    if (connection?.order === undefined || records.verify === undefined)
      throw new Error('no order');
    const known = order ?? (await connection.order(0));
    return records.verify(setting, world, applied, known, connection);
  }
});

/** Answers as the ledger would, in the transaction that was last, and does nothing. */
function liar(sent: readonly Played[]): Connection {
  const last = sent.at(-1)?.answer.place;
  if (last === undefined) throw new Error('nothing was sent');
  let position = 10_000;
  return {
    call: () =>
      Promise.resolve({ status: 'applied', attempts: 1, place: { ...last, position: position++ } }),
    close: () => Promise.resolve(),
  };
}
