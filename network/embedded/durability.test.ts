// Nothing acknowledged is lost and nothing half-written stays: processes killed at random moments under load,
// a disk that refuses, a log cut anywhere.
import { spawn } from 'node:child_process';
import { chmod, cp, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import fc from 'fast-check';
import { conformanceChaincode, expectCode } from '../conformance/index.js';
import { LedgerError } from '../ledger.js';
import {
  type EmbeddedLedger,
  openEmbeddedLedger,
  openLevelStore,
  type Store,
  verifyLedger,
} from './index.js';

const chaincodes = { one: conformanceChaincode };
const channel = 'durable';
const child = fileURLToPath(new URL('./durability.child.js', import.meta.url));

/** Kills, each at a random moment under load; spread over folders that are hurt side by side. */
const KILLS = Number(process.env['PRMS_KILLS'] ?? '100');
const FOLDERS = 2;
const KILLS_BETWEEN_VERIFICATIONS = 10;

interface Life {
  readonly acknowledged: readonly string[];
  /** undefined: killed before the ledger was open. */
  readonly openMs: number | undefined;
}

/** Runs the child for a while, kills it without warning, and tells what it had acknowledged. */
async function liveAndDie(
  dir: string,
  run: string,
  death: { readonly afterFirstWriteMs: number } | { readonly afterStartMs: number },
): Promise<Life> {
  const victim = spawn(process.execPath, [child, dir, run], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    victim.once('exit', (_code, signal) => resolve(signal)),
  );
  let complaints = '';
  victim.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const acknowledged: string[] = [];
  let openMs: number | undefined;
  const kill = (afterMs: number): void => void setTimeout(() => victim.kill('SIGKILL'), afterMs);
  if ('afterStartMs' in death) kill(death.afterStartMs);
  const lines = createInterface({ input: victim.stdout });
  for await (const line of lines) {
    if (openMs === undefined) openMs = Number(line.replace('open ', ''));
    else if (acknowledged.push(line) === 1 && 'afterFirstWriteMs' in death) {
      kill(death.afterFirstWriteMs);
    }
  }
  expect(await ended, `the child ended by itself: ${complaints}`).to.equal('SIGKILL');
  return { acknowledged, openMs };
}

async function expectAllHeld(dir: string, acknowledged: readonly string[]): Promise<void> {
  const ledger = await openEmbeddedLedger({ dir, channel, chaincodes });
  for (const key of acknowledged) {
    const value = Buffer.from(await ledger.evaluate('one', 'get', [key])).toString();
    expect(value.startsWith(key), `${key} was acknowledged and is lost`).to.equal(true);
  }
  await ledger.close();
}

describe('durability', () => {
  let dir = '';
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'prms-durable-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it(`survives ${KILLS} kills under load: every acknowledged write is there, no half-block, quick restarts`, async function () {
    this.timeout(KILLS * 3000);
    let slowestMs = 0;
    let written = 0;
    const hurt = async (folder: string, kills: number): Promise<void> => {
      let fresh: string[] = [];
      for (let kill = 1; kill <= kills; kill++) {
        // One in five dies while it starts: in the middle of beginning the chain, or of recovery.
        const death =
          kill % 5 === 1
            ? { afterStartMs: 150 + Math.random() * 250 }
            : { afterFirstWriteMs: Math.random() * 60 };
        const life = await liveAndDie(folder, `r${kill}`, death);
        fresh.push(...life.acknowledged);
        written += life.acknowledged.length;
        slowestMs = Math.max(slowestMs, life.openMs ?? 0);
        if (kill % KILLS_BETWEEN_VERIFICATIONS !== 0 && kill !== kills) continue;
        await expectAllHeld(folder, fresh);
        const report = await verifyLedger({ dir: folder, chaincodes });
        expect(report.lie, JSON.stringify(report.lie)).to.equal(undefined);
        fresh = [];
      }
    };
    const folders = Array.from({ length: FOLDERS }, (_, at) => join(dir, String(at)));
    await Promise.all(folders.map((folder) => hurt(folder, KILLS / FOLDERS)));
    // Four in five died with writes acknowledged and others under way.
    expect(written).to.be.at.least(KILLS * 0.8);
    expect(slowestMs).to.be.lessThan(5000);
  });

  it('property: a log cut anywhere gives a shorter honest ledger, never half a block', async () => {
    const whole = join(dir, 'whole');
    const ledger = await openEmbeddedLedger({ dir: whole, channel, chaincodes });
    for (let at = 0; at < 12; at++)
      await ledger.submit('one', 'put', [`k${at % 5}`, 'x'.repeat(900)]);
    const height = await ledger.height();
    await ledger.close();
    const log = (await readdir(join(whole, 'db'))).find((name) => name.endsWith('.log')) ?? '';
    const { size } = await stat(join(whole, 'db', log));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: Math.ceil(size / 4), max: size }), async (cut) => {
        const copy = join(dir, 'cut');
        await cp(whole, copy, { recursive: true });
        await truncate(join(copy, 'db', log), cut);
        const report = await verifyLedger({ dir: copy, chaincodes });
        expect(report.ok, JSON.stringify(report)).to.equal(true);
        expect(report.height).to.be.within(1, height);
        await rm(copy, { recursive: true });
      }),
      { numRuns: 20 },
    );
  });

  it('acknowledges nothing and accepts nothing more once the disk has refused a block', async () => {
    const disk = { broken: false };
    const ledger = await openEmbeddedLedger({
      dir,
      channel,
      chaincodes,
      openStore: breakable(disk),
    });
    await ledger.submit('one', 'put', ['before', 'x']);
    disk.broken = true;
    const lost = Array.from({ length: 5 }, (_, at) =>
      ledger.submit('one', 'put', [`lost${at}`, 'x']),
    );
    await Promise.all(lost.map((work) => expectCode(work, 'UNAVAILABLE')));
    disk.broken = false;
    expect(ledger.accepting).to.equal(false);
    const refused = await expectCode(ledger.submit('one', 'put', ['after', 'x']), 'UNAVAILABLE');
    expect(refused.message).to.include('opened again');
    expect(Buffer.from(await ledger.evaluate('one', 'get', ['before'])).toString()).to.equal('x');
    expect(await ledger.height()).to.equal(2);
    await ledger.close();

    const again = await openEmbeddedLedger({ dir, channel, chaincodes });
    await again.submit('one', 'put', ['after', 'x']);
    expect(await again.verify()).to.deep.include({ ok: true, height: 3 });
    await again.close();
  });

  it('LOCKED for a second process or object on the same folder', async () => {
    const ledger = await openEmbeddedLedger({ dir, channel, chaincodes });
    const error = await expectCode(openEmbeddedLedger({ dir, channel, chaincodes }), 'LOCKED');
    expect(error.message).to.include(dir);
    await ledger.close();
  });

  it('refuses a last block that is not what it wrote, another channel, bad names', async () => {
    const ledger = await openEmbeddedLedger({ dir, channel, chaincodes });
    await ledger.submit('one', 'put', ['k', 'x']);
    await ledger.close();
    await expectCode(openEmbeddedLedger({ dir, channel: 'other', chaincodes }), 'INVALID');
    const elsewhere = join(dir, 'elsewhere');
    await expectCode(
      openEmbeddedLedger({ dir: elsewhere, channel: 'Bad!', chaincodes }),
      'INVALID',
    );
    const named = { 'bad name': conformanceChaincode };
    await expectCode(openEmbeddedLedger({ dir, channel, chaincodes: named }), 'INVALID');
    const store = await openLevelStore(join(dir, 'db'), { createIfMissing: false });
    await store.write(
      [{ type: 'put', key: `b/${'1'.padStart(14, '0')}`, value: Buffer.from('?') }],
      {
        durable: true,
      },
    );
    await store.close();
    await expectCode(openEmbeddedLedger({ dir, channel, chaincodes }), 'CORRUPT');
  });

  it('keeps folder and key for their owner alone', async () => {
    await chmod(dir, 0o755);
    const ledger: EmbeddedLedger = await openEmbeddedLedger({ dir, channel, chaincodes });
    await ledger.close();
    expect((await stat(dir)).mode & 0o777).to.equal(0o700);
    expect((await stat(join(dir, 'node-key.pem'))).mode & 0o777).to.equal(0o600);
  });

  it('is bounded: more transactions at once than allowed are UNAVAILABLE, and later it goes on', async () => {
    const ledger = await openEmbeddedLedger({ dir, channel, chaincodes, maxInFlight: 3 });
    const works = Array.from({ length: 5 }, (_, at) =>
      ledger.submit('one', 'increment', [`k${at}`, '20']),
    );
    const outcomes = await Promise.allSettled(works);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).to.have.length(2);
    for (const { reason } of refused) expect(reason).to.have.property('code', 'UNAVAILABLE');
    await ledger.submit('one', 'put', ['later', 'x']);
    expect(ledger.inFlight).to.equal(0);
    await ledger.close();
  });
});

/** A store whose writes fail while the disk is broken. */
function breakable(disk: { readonly broken: boolean }): (dir: string) => Promise<Store> {
  return async (folder) => {
    const store = await openLevelStore(folder, { createIfMissing: true });
    return {
      getMany: (keys) => store.getMany(keys),
      entries: (range) => store.entries(range),
      snapshot: () => store.snapshot(),
      close: () => store.close(),
      write: (writes, options) =>
        disk.broken
          ? Promise.reject(new LedgerError('UNAVAILABLE', 'no space left'))
          : store.write(writes, options),
    };
  };
}
