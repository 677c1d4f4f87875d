import { expect } from 'chai';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readOperationLine } from '@prms/chaincode';
import type { Connection } from '../../platforms/platform.js';
import type { Stream, WorkloadSetting } from '../workload.js';
import { recordsWorkload } from './index.js';
import {
  appliedOf,
  openLedger,
  type OpenLedger,
  play,
  type Played,
  prepared,
  quickSetting,
} from './testing.js';

const CALLS = 200;

describe('records on the full path', function () {
  this.timeout(120_000);
  const workload = recordsWorkload({
    now: () => Date.now(),
    elapsedMs: () => performance.now(),
    // Small images: what is tried is the path, not the hiding.
    reportBytes: 512,
  });
  let ledger: OpenLedger;
  let connection: Connection;
  let stream: Stream;
  let setting: WorkloadSetting;
  let world: unknown;
  let played: Played[];

  before(async () => {
    ledger = await openLedger(workload.chaincode);
    connection = ledger.connect();
    setting = { ...quickSetting(3, ledger.dir), variant: 'full' };
    world = await prepared(workload, setting, connection);
    stream = await workload.open(setting, world, { generator: 0, generators: 1, calls: CALLS });
    played = await play(stream, connection, CALLS, 64);
  });

  after(async () => {
    await stream.close?.();
    await connection.close();
    await ledger.close();
  });

  it('applies what is allowed and refuses what is not, however long a report took to hide', () => {
    const wrong = played.filter(
      ({ call, answer }) => (call.refusable === true) === (answer.status === 'applied'),
    );
    expect(wrong.map(({ call, answer }) => `${call.kind}: ${answer.code ?? ''}`)).to.deep.equal([]);
  });

  it('stores each report before it is anchored, and says how long that took', async () => {
    const anchors = played.filter(
      ({ call }) => call.kind === 'report:anchor' && call.refusable !== true,
    );
    expect(anchors.length).to.be.above(20);
    const objects = await readdir(join(ledger.dir, 'cloud', 'objects'), { recursive: true });
    for (const { call } of anchors) {
      expect(call.stagesMs).to.have.keys('hide', 'store', 'sign');
      if (call.way !== 'ordered') throw new Error('an anchor is ordered');
      const args = readOperationLine(call.line)?.envelope.args as {
        report: { parts: { object: string }[]; label: { object: string } };
      };
      for (const { object } of [...args.report.parts, args.report.label])
        expect(
          objects.some((name) => name.includes(object)),
          object,
        ).to.equal(true);
    }
  });

  it('reads each report to which access was permitted, and no other', () => {
    const accesses = played.filter(({ call }) => call.kind === 'access:request');
    const read = accesses.filter(({ endedMs }) => endedMs !== undefined);
    expect(read.length).to.be.above(30).and.below(accesses.length);
    for (const { call, endedMs } of read) {
      expect(endedMs).to.have.keys('fetch', 'reveal');
      expect(call.way === 'ordered' && call.line.includes('"action":"view"')).to.equal(true);
    }
    const others = played.filter(({ call }) => call.kind !== 'access:request');
    expect(others.every(({ endedMs }) => endedMs === undefined)).to.equal(true);
  });

  it('is verified like any other run', async () => {
    const order = (await connection.order?.(0)) ?? [];
    const verdict = await workload.verify?.(setting, world, appliedOf(played), order, connection);
    expect(verdict).to.deep.include({ ok: true });
  });

  it('ends the run when an image is not what was hidden', async () => {
    const folder = join(ledger.dir, 'cloud', 'objects');
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const bytes = await readFile(path);
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 20) ^ 1, bytes.length - 20);
      await writeFile(path, bytes);
    }
    const again = played.find(({ endedMs }) => endedMs !== undefined);
    if (again === undefined) throw new Error('nothing was read');
    const outcome = Promise.resolve(stream.ended?.(again.call, again.answer));
    const error: unknown = await outcome.then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect(error).to.be.an('error').with.property('code', 'CHECKSUM');
  });

  it('can’t be signed beforehand', async () => {
    const share = { generator: 0, generators: 1, calls: 1 };
    const opened = Promise.resolve(workload.open({ ...setting, presigned: true }, world, share));
    const error: unknown = await opened.then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect(error).to.be.an('error').with.property('code', 'USAGE');
  });
});
