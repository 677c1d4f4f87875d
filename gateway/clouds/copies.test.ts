// One object over two clouds: where it is put, which copy is believed, what is healed, owed, deleted, and remembered.
import { join } from 'node:path';
import { expect } from 'chai';
import { openStore, type Store } from '../store/index.js';
import { ManualClock, temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { CloudError, type Cloud, type CloudErrorCode } from './cloud.js';
import { cloudFailure, sha256 } from './conformance/index.js';
import { Copies, type CopiesOptions, type CopyEvent } from './copies.js';
import { CopyNotes } from './copy-notes.js';
import { openFilesystemCloud } from './filesystem.js';
import { readAll } from './read-all.js';

/** A cloud that can be made to fail. */
function moody(cloud: Cloud): Cloud & { failing: CloudErrorCode | undefined; calls: number } {
  const moods: { failing: CloudErrorCode | undefined; calls: number } = {
    failing: undefined,
    calls: 0,
  };
  const up = () => {
    moods.calls += 1;
    if (moods.failing) throw new CloudError(moods.failing, 'as told');
  };
  return Object.assign(moods, {
    name: cloud.name,
    putIfAbsent: async (...call: Parameters<Cloud['putIfAbsent']>) => (
      up(),
      cloud.putIfAbsent(...call)
    ),
    get: async (...call: Parameters<Cloud['get']>) => (up(), cloud.get(...call)),
    head: async (...call: Parameters<Cloud['head']>) => (up(), cloud.head(...call)),
    delete: async (...call: Parameters<Cloud['delete']>) => (up(), cloud.delete(...call)),
    list: async (...call: Parameters<Cloud['list']>) => (up(), cloud.list(...call)),
  });
}

describe('copies of an object on two clouds', () => {
  const bytes = Buffer.from('an image');
  const digest = sha256(bytes);
  const other = Buffer.from('an older image');
  const clock = new ManualClock();
  let folder: TemporaryFolder;
  let store: Store;
  let home: ReturnType<typeof moody>;
  let second: ReturnType<typeof moody>;
  let copies: Copies;
  let events: CopyEvent[];

  const make = (more: Partial<CopiesOptions> = {}) =>
    new Copies({
      clouds: [home, second],
      notes: new CopyNotes(store),
      clock,
      whenMissing: 'owe',
      queue: 10,
      restMs: 1000,
      onEvent: (event) => events.push(event),
      ...more,
    });

  beforeEach(async () => {
    folder = await temporaryFolder();
    store = await openStore(join(folder.path, 'store'));
    const open = (name: string) => openFilesystemCloud({ name, root: join(folder.path, name) });
    [home, second] = [moody(await open('home')), moody(await open('second'))];
    events = [];
    copies = make();
  });
  afterEach(async () => {
    await copies.close();
    await store.close();
    await folder.remove();
  });

  const put = () => copies.put('one', bytes, { sha256: digest, report: 'R' });
  const placement = { objectName: 'one', clouds: ['home', 'second'], sha256: digest, report: 'R' };
  const read = async (where = placement) =>
    Buffer.from(
      await copies.read(where, async (cloud) => ({
        value: await readAll(cloud, 'one', { sha256: digest, maxBytes: 1000 }),
        sha256: digest,
      })),
    ).toString();
  const replace = async (cloud: Cloud, content: Uint8Array) => {
    await cloud.delete('one');
    await cloud.putIfAbsent('one', content, { sha256: sha256(content) });
  };
  const holds = async (cloud: Cloud) =>
    Buffer.from(await readAll(cloud, 'one', { sha256: digest, maxBytes: 1000 })).toString();
  const notes = async () => {
    const found = [];
    for await (const { cloud, wish, fault } of copies.notes.open())
      found.push(`${cloud}: ${wish}, ${fault}`);
    return found;
  };

  it('is put to both, and read from the first alone', async () => {
    await put();
    expect(await holds(home)).to.equal('an image');
    expect(await holds(second)).to.equal('an image');
    second.calls = 0;
    expect(await read()).to.equal('an image');
    expect(second.calls).to.equal(0);
    expect(await notes()).to.deep.equal([]);
  });

  for (const [fault, harm] of [
    ['missing', () => home.delete('one')],
    ['bad', () => replace(home, Buffer.from('an imagf'))],
    ['bad', () => replace(home, other)],
    ['bad', () => replace(home, Buffer.alloc(0))],
  ] as const) {
    it(`is read from the second when the first copy is ${fault}, healed, and the healing remembered`, async () => {
      await put();
      await harm();
      expect(await read()).to.equal('an image');
      await copies.settled();
      expect(await holds(home)).to.equal('an image');
      expect(events.map(({ kind, note }) => `${kind} ${note.fault}`)).to.deep.equal([
        `found ${fault}`,
        `healed ${fault}`,
      ]);
      expect(await notes()).to.deep.equal([]);
      expect(await copies.notes.healedOf('R')).to.deep.equal([
        {
          cloud: 'home',
          objectName: 'one',
          wish: 'store',
          fault,
          sha256: digest,
          anchored: true,
          from: ['second'],
          report: 'R',
          foundAt: clock.now(),
          healedAt: clock.now(),
          times: 1,
        },
      ]);
    });
  }

  it('is an error when both copies are bad, and nothing is deleted', async () => {
    await put();
    await replace(home, other);
    await replace(second, other);
    expect(await cloudFailure(() => read())).to.equal('CHECKSUM');
    await copies.settled();
    expect(await notes()).to.deep.equal(['home: store, bad', 'second: store, bad']);
    for (const cloud of [home, second]) expect((await cloud.head('one')).sizeBytes).to.equal(14);
  });

  it('leaves hope when one copy is bad and the other cloud is silent, and heals once it answers', async () => {
    await put();
    await replace(home, other);
    second.failing = 'UNAVAILABLE';
    expect(await cloudFailure(() => read())).to.equal('UNAVAILABLE');
    await copies.settled();
    expect(await notes()).to.deep.equal(['home: store, bad']);
    second.failing = undefined;
    await copies.pay({ objectName: 'one', cloud: 'home' });
    expect(await holds(home)).to.equal('an image');
  });

  it('is read while the first cloud is down, which is then not asked for a while', async () => {
    await put();
    home.failing = 'TIMEOUT';
    expect(await read()).to.equal('an image');
    home.calls = 0;
    expect(await read()).to.equal('an image');
    expect(home.calls, 'resting').to.equal(0);
    clock.advance(1001);
    expect(await read()).to.equal('an image');
    expect(home.calls, 'asked again').to.equal(1);
    expect(await notes(), 'silence is no damage').to.deep.equal([]);
  });

  it('is stored when one cloud does not answer, and the copy that is owed survives a restart', async () => {
    home.failing = 'UNAVAILABLE';
    await put();
    expect(await notes()).to.deep.equal(['home: store, unanswered']);
    home.failing = undefined;
    await copies.close();
    await store.close();
    store = await openStore(join(folder.path, 'store'));
    copies = make();
    await copies.pay({ objectName: 'one', cloud: 'home' });
    expect(await holds(home)).to.equal('an image');
    expect(await notes()).to.deep.equal([]);
  });

  for (const code of ['UNAVAILABLE', 'TIMEOUT', 'FULL'] as const) {
    it(`keeps nothing when a missing copy is refused (${code})`, async () => {
      copies = make({ whenMissing: 'refuse' });
      second.failing = code;
      expect(await cloudFailure(put)).to.equal(code);
      expect(await cloudFailure(() => home.head('one'))).to.equal('NOT_FOUND');
      expect(await notes()).to.deep.equal([]);
    });
  }

  it('is not stored when no cloud takes it, or the bytes are not the checksum’s', async () => {
    [home.failing, second.failing] = ['FULL', 'UNAVAILABLE'];
    expect(await cloudFailure(put)).to.equal('FULL');
    [home.failing, second.failing] = [undefined, undefined];
    clock.advance(1001);
    expect(await cloudFailure(() => copies.put('one', bytes, { sha256: sha256(other) }))).to.equal(
      'CHECKSUM',
    );
    expect(await notes()).to.deep.equal([]);
  });

  it('does not take another’s object for its own, and takes back what it wrote', async () => {
    await second.putIfAbsent('one', other, { sha256: sha256(other) });
    expect(await cloudFailure(put)).to.equal('EXISTS');
    expect(await cloudFailure(() => home.head('one'))).to.equal('NOT_FOUND');
    expect((await second.head('one')).sizeBytes).to.equal(other.length);
    await copies.put('one', bytes, { sha256: digest, existing: 'fine' });
    expect(await holds(home)).to.equal('an image');
  });

  it('is deleted everywhere; a cloud that does not answer is told again, and heals nobody', async () => {
    await put();
    second.failing = 'UNAVAILABLE';
    expect(await cloudFailure(() => copies.delete(placement))).to.equal('UNAVAILABLE');
    expect(await cloudFailure(() => home.head('one'))).to.equal('NOT_FOUND');
    second.failing = undefined;
    clock.advance(1001);
    expect(await read()).to.equal('an image');
    await copies.settled();
    expect(await cloudFailure(() => home.head('one')), 'not brought back').to.equal('NOT_FOUND');
    expect(await notes()).to.deep.equal(['second: delete, unanswered']);
    await copies.pay({ objectName: 'one', cloud: 'second' });
    expect(await cloudFailure(() => second.head('one'))).to.equal('NOT_FOUND');
    expect(await notes()).to.deep.equal([]);
  });

  it('is not healed after it was deleted in between', async () => {
    copies = make({ queue: 0 });
    await put();
    await home.delete('one');
    await read();
    expect(await notes()).to.deep.equal(['home: store, missing']);
    await copies.delete(placement);
    expect(await notes()).to.deep.equal([]);
    await copies.pay({ objectName: 'one', cloud: 'home' });
    expect(await cloudFailure(() => home.head('one'))).to.equal('NOT_FOUND');
  });

  it('is stored anew after a deletion that one cloud owes: the deletion is forgotten', async () => {
    await copies.put('one', bytes, { sha256: digest, existing: 'fine' });
    second.failing = 'UNAVAILABLE';
    await cloudFailure(() => copies.delete(placement));
    second.failing = undefined;
    clock.advance(1001);
    await copies.put('one', bytes, { sha256: digest, existing: 'fine' });
    expect(await notes()).to.deep.equal([]);
    await copies.pay({ objectName: 'one', cloud: 'second' });
    expect(await holds(second)).to.equal('an image');
  });

  it('asks only clouds that it knows; to delete it needs all that are named', async () => {
    await put();
    expect(await read({ ...placement, clouds: ['elsewhere', 'second'] })).to.equal('an image');
    expect(await cloudFailure(() => read({ ...placement, clouds: ['elsewhere'] }))).to.equal(
      'UNAVAILABLE',
    );
    const named = { ...placement, clouds: ['home', 'elsewhere'] };
    expect(await cloudFailure(() => copies.delete(named))).to.equal('UNAVAILABLE');
    expect(await cloudFailure(() => home.head('one'))).to.equal('NOT_FOUND');
  });

  it('notes one fault once, however often it is met', async () => {
    copies = make({ queue: 0 });
    await put();
    await home.delete('one');
    for (let time = 0; time < 3; time += 1) await read();
    expect(events.filter(({ kind }) => kind === 'found')).to.have.length(1);
  });

  it('tells of a healing that fails, and lets the note stand', async () => {
    copies = make({ queue: 0 });
    await put();
    await home.delete('one');
    await read();
    home.failing = 'FULL';
    expect(await cloudFailure(() => copies.pay({ objectName: 'one', cloud: 'home' }))).to.equal(
      'FULL',
    );
    expect(events.at(-1)?.kind).to.equal('failed');
    expect(await notes()).to.deep.equal(['home: store, missing']);
  });
});
