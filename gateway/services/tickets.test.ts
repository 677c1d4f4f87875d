// Tickets: good for one session and a short time, and their keys are wiped when they end.
import type { Report } from '@prms/chaincode';
import { expect } from 'chai';
import { GatewayError } from '../errors.js';
import { failure, ManualClock, seededRandom } from '../testing/index.js';
import type { Permit } from './accesses/index.js';
import type { Label } from './reports/index.js';
import { Tickets } from './tickets.js';

const LIFE_MS = 300_000;
const digest = 'A'.repeat(43);
const label: Label = {
  title: 'A title',
  fileName: 'a.txt',
  mediaType: 'text/plain',
  bytes: 3,
  sha256: '0'.repeat(64),
  category: 'laboratory',
};
const report: Report = {
  version: 1,
  created: digest,
  last: { id: '01J0000000000000000000000A', hash: digest, at: 0 },
  id: '01J0000000000000000000000A',
  patient: digest,
  author: digest,
  anchoredAt: 0,
  status: 'active',
  terms: {
    storage: 'stego',
    suite: 'A256GCM',
    parts: [],
    label: { cloud: 'c', object: digest, sha256: digest },
    commitment: digest,
    tag: 'A'.repeat(22),
    month: '2030-01',
    epoch: 1,
  },
};

describe('tickets', () => {
  const clock = new ManualClock();
  const tickets = new Tickets(clock, seededRandom('tickets'), { lifeMs: LIFE_MS, most: 10_000 });
  const permit: Permit = {
    access: 'a1',
    reader: digest,
    kid: digest,
    wish: { action: 'view', purpose: 'treatment' },
    report,
  };
  const issue = (since = clock.now()) => {
    const dataKey = new Uint8Array(32).fill(7);
    return { ...tickets.issue({ sessionId: 's1', permit, label, dataKey }, since), dataKey };
  };
  const taken = async (ticket: string, session: string) =>
    (await failure(GatewayError, () => tickets.take(ticket, session))).code;

  it('give their content to their own session, any number of times', () => {
    const { ticket, expiresAt } = issue();
    expect(expiresAt).to.equal(clock.now() + LIFE_MS);
    expect(ticket).to.match(/^[A-Za-z0-9_-]{43}$/);
    expect(tickets.take(ticket, 's1').permit.access).to.equal('a1');
    expect(tickets.take(ticket, 's1').label).to.equal(label);
  });

  it('are as unknown to another session as ones that never were', async () => {
    const { ticket } = issue();
    expect(await taken(ticket, 's2')).to.equal('NOT_FOUND');
    expect(await taken(digest, 's1')).to.equal('NOT_FOUND');
  });

  it('end after their life, and their data key is wiped', async () => {
    const { ticket, dataKey } = issue();
    clock.advance(LIFE_MS - 1);
    const younger = issue();
    expect(tickets.take(ticket, 's1').dataKey[0]).to.equal(7);
    clock.advance(1);
    expect(await taken(ticket, 's1')).to.equal('NOT_FOUND');
    expect([...dataKey]).to.deep.equal(new Array(32).fill(0));
    expect(tickets.take(younger.ticket, 's1').dataKey[0]).to.equal(7);
  });

  it('live from when the access was signed, and never longer for an instant that is still to come', async () => {
    const younger = issue();
    const older = issue(clock.now() - 1000);
    expect(issue(clock.now() + 1000).expiresAt).to.equal(younger.expiresAt);
    clock.advance(LIFE_MS - 1000);
    expect(await taken(older.ticket, 's1')).to.equal('NOT_FOUND');
    expect([...older.dataKey]).to.deep.equal(new Array(32).fill(0));
    expect(tickets.take(younger.ticket, 's1').dataKey[0]).to.equal(7);
  });

  it('all end at once when the gateway closes', async () => {
    const { ticket, dataKey } = issue();
    tickets.dropAll();
    expect(await taken(ticket, 's1')).to.equal('NOT_FOUND');
    expect(dataKey.every((byte) => byte === 0)).to.equal(true);
  });
});
