import { spawn } from 'node:child_process';
import * as files from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { failure, temporaryFolder } from '../testing/index.js';
import type { TemporaryFolder } from '../testing/index.js';
import { cloudConformance, cloudFailure, sha256 } from './conformance/index.js';
import { CloudError, openFilesystemCloud, readAll, resilient } from './index.js';
import type {
  Cloud,
  CloudErrorCode,
  CloudRead,
  FileOperations,
  ResiliencePolicy,
} from './index.js';

const policy: ResiliencePolicy = { attempts: 3, timeoutMs: 200, backoffMs: 1, maxBackoffMs: 4 };
const bytes = Buffer.from('the quick brown fox');

cloudConformance('filesystem', async () => {
  const folder = await temporaryFolder();
  const cloud = await openFilesystemCloud({ name: 'disk', root: folder.path });
  return { cloud, dispose: () => folder.remove() };
});

cloudConformance('filesystem, resilient', async () => {
  const folder = await temporaryFolder();
  const cloud = resilient(await openFilesystemCloud({ name: 'disk', root: folder.path }), {
    ...policy,
    timeoutMs: 5000,
  });
  return { cloud, dispose: () => folder.remove() };
});

describe('filesystem cloud', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());
  const open = (changes: Partial<FileOperations> = {}): Promise<Cloud> =>
    openFilesystemCloud({ name: 'disk', root: folder.path, files: { ...files, ...changes } });
  const systemError = (code: string): Error => Object.assign(new Error(`played ${code}`), { code });
  const everyFile = async (): Promise<string[]> => {
    const entries = await files.readdir(folder.path, { recursive: true, withFileTypes: true });
    return entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []));
  };

  it('keeps its files to their owner', async () => {
    const cloud = await open();
    await cloud.putIfAbsent('images/a', bytes, { sha256: sha256(bytes) });
    const [file = '', ...others] = await everyFile();
    expect(others).to.deep.equal([]);
    expect((await files.stat(file)).mode & 0o777).to.equal(0o600);
    expect((await files.stat(join(folder.path, 'objects'))).mode & 0o777).to.equal(0o700);
  });

  it('syncs the file and its folder before it answers', async () => {
    const synced: string[] = [];
    const cloud = await open({
      open: async (path, ...rest) => {
        const handle = await files.open(path, ...rest);
        const sync = handle.sync.bind(handle);
        handle.sync = () => {
          synced.push(String(path));
          return sync();
        };
        return handle;
      },
    });
    await cloud.putIfAbsent('a', bytes, { sha256: sha256(bytes) });
    expect(synced).to.have.length(3);
    expect(synced[0]).to.contain('uploads');
    expect(synced.slice(1).every((path) => path.includes('objects'))).to.equal(true);
  });

  for (const [system, code] of [
    ['ENOSPC', 'FULL'],
    ['EDQUOT', 'FULL'],
    ['EIO', 'UNAVAILABLE'],
    ['EPERM', 'UNAVAILABLE'],
  ] as const) {
    it(`answers a disk’s ${system} with ${code}, and nothing is left`, async () => {
      const cloud = await open({
        link: () => Promise.reject(systemError(system)),
      });
      expect(
        await cloudFailure(() => cloud.putIfAbsent('a', bytes, { sha256: sha256(bytes) })),
      ).to.equal(code);
      expect(await everyFile()).to.deep.equal([]);
    });
  }

  it('answers a disk that fills up in the middle of a write with FULL, and nothing is left', async () => {
    const cloud = await open({
      open: async (path, ...rest) => {
        const handle = await files.open(path, ...rest);
        handle.writeFile = () => Promise.reject(systemError('ENOSPC'));
        return handle;
      },
    });
    expect(
      await cloudFailure(() => cloud.putIfAbsent('a', bytes, { sha256: sha256(bytes) })),
    ).to.equal('FULL');
    expect(await everyFile()).to.deep.equal([]);
  });

  it('never shows an upload that a killed process left half-written, and sweeps it later', async function () {
    this.timeout(15_000);
    const door = new URL('./index.js', import.meta.url).href;
    const script = `import { openFilesystemCloud } from ${JSON.stringify(door)};
      const cloud = await openFilesystemCloud({ name: 'disk', root: ${JSON.stringify(folder.path)} });
      const body = async function* () { yield Buffer.alloc(100000); process.stdout.write('half'); await new Promise((r) => setTimeout(r, 60000)); };
      await cloud.putIfAbsent('a', body, { sha256: '' });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGKILL');
    await ended;
    expect(await everyFile()).to.have.length(1);
    const cloud = await open();
    expect(await cloudFailure(() => cloud.head('a'))).to.equal('NOT_FOUND');
    expect((await cloud.list('')).objects).to.deep.equal([]);
    expect(await everyFile(), 'a young upload may be under way').to.have.length(1);
    await openFilesystemCloud({ name: 'disk', root: folder.path, staleAfterMs: -1 });
    expect(await everyFile()).to.deep.equal([]);
  });

  it('lets go of the file when a body is returned from unread', async () => {
    let closed = 0;
    const cloud = await open({
      open: async (path, ...rest) => {
        const handle = await files.open(path, ...rest);
        const close = handle.close.bind(handle);
        handle.close = () => {
          closed += 1;
          return close();
        };
        return handle;
      },
    });
    await cloud.putIfAbsent('a', bytes, { sha256: sha256(bytes) });
    closed = 0;
    const { body } = await cloud.get('a');
    await body[Symbol.asyncIterator]().return?.();
    expect(closed).to.be.greaterThan(0);
  });

  it('gives readAll bytes that fit their checksum, or none', async () => {
    const cloud = await open();
    await cloud.putIfAbsent('a', bytes, { sha256: sha256(bytes) });
    const [file = ''] = await everyFile();
    const read = (maxBytes: number): Promise<unknown> =>
      readAll(cloud, 'a', { sha256: sha256(bytes), maxBytes });
    expect(await cloudFailure(() => read(bytes.length - 1))).to.equal('CHECKSUM');
    await files.writeFile(file, 'the quick brown fix');
    expect(await cloudFailure(() => read(1000))).to.equal('CHECKSUM');
    await files.truncate(file, 5);
    expect(await cloudFailure(() => read(1000))).to.equal('CHECKSUM');
  });
});

/** A cloud that plays a list of faults on one call, then does what the inner one does. */
function faulty(
  inner: Cloud,
  call: 'putIfAbsent' | 'get' | 'head',
  faults: (() => Promise<never>)[],
): Cloud {
  const next = (): Promise<void> => faults.shift()?.() ?? Promise.resolve();
  return {
    name: inner.name,
    putIfAbsent: async (...args) => {
      if (call === 'putIfAbsent') await next();
      return inner.putIfAbsent(...args);
    },
    get: async (...args) => {
      if (call === 'get') await next();
      return inner.get(...args);
    },
    head: async (...args) => {
      if (call === 'head') await next();
      return inner.head(...args);
    },
    delete: (...args) => inner.delete(...args),
    list: (...args) => inner.list(...args),
  };
}

describe('resilient cloud', () => {
  let folder: TemporaryFolder;
  let inner: Cloud;
  beforeEach(async () => {
    folder = await temporaryFolder();
    inner = await openFilesystemCloud({ name: 'disk', root: folder.path });
  });
  afterEach(() => folder.remove());
  const fails = (code: CloudErrorCode) => () => Promise.reject(new CloudError(code, 'played'));
  const hangs = (): Promise<never> => new Promise(() => undefined);
  const put = (cloud: Cloud): Promise<unknown> =>
    cloud.putIfAbsent('a', bytes, { sha256: sha256(bytes) });

  it('tries again after an outage and a silence, and reports each', async () => {
    await put(inner);
    const heard: string[] = [];
    const cloud = resilient(faulty(inner, 'head', [fails('UNAVAILABLE'), hangs]), {
      ...policy,
      timeoutMs: 30,
      onFailure: (error, operation) => heard.push(`${operation} ${error.code}`),
    });
    expect((await cloud.head('a')).sizeBytes).to.equal(bytes.length);
    expect(heard).to.deep.equal(['head UNAVAILABLE', 'head TIMEOUT']);
  });

  it('gives up after so many attempts, with the last error', async () => {
    const cloud = resilient(faulty(inner, 'head', [hangs, hangs, hangs]), {
      ...policy,
      timeoutMs: 20,
    });
    expect(await cloudFailure(() => cloud.head('a'))).to.equal('TIMEOUT');
  });

  it('does not repeat what can’t get better', async () => {
    for (const code of ['NOT_FOUND', 'INVALID', 'FULL', 'CHECKSUM'] as const) {
      const faults = [fails(code), fails('UNAVAILABLE')];
      expect(
        await cloudFailure(() => resilient(faulty(inner, 'head', faults), policy).head('a')),
      ).to.equal(code);
      expect(faults).to.have.length(1);
    }
  });

  it('waits with full jitter under a doubling ceiling', async () => {
    const draws: number[] = [];
    const cloud = resilient(
      faulty(inner, 'head', [fails('UNAVAILABLE'), fails('UNAVAILABLE'), fails('UNAVAILABLE')]),
      {
        ...policy,
        backoffMs: 40,
        maxBackoffMs: 60,
        jitter: () => {
          draws.push(1);
          return 1;
        },
      },
    );
    const begun = performance.now();
    expect(await cloudFailure(() => cloud.head('a'))).to.equal('UNAVAILABLE');
    expect(draws).to.have.length(2);
    expect(performance.now() - begun).to.be.within(95, 1000);
  });

  it('settles a put that was written though its answer was lost', async () => {
    const lost: Cloud = {
      ...faulty(inner, 'head', []),
      putIfAbsent: async (...args) => {
        await inner.putIfAbsent(...args);
        throw new CloudError('UNAVAILABLE', 'the answer was lost');
      },
    };
    expect(await put(resilient(lost, policy))).to.deep.equal({
      objectName: 'a',
      sizeBytes: bytes.length,
    });
  });

  it('does not take somebody else’s object for its own', async () => {
    const other = Buffer.from('other');
    await inner.putIfAbsent('a', other, { sha256: sha256(other) });
    expect(
      await cloudFailure(() =>
        put(resilient(faulty(inner, 'putIfAbsent', [fails('UNAVAILABLE')]), policy)),
      ),
    ).to.equal('EXISTS');
    expect(await cloudFailure(() => put(resilient(inner, policy)))).to.equal('EXISTS');
  });

  it('goes on where a read broke off or fell silent', async () => {
    const big = Buffer.from(Array.from({ length: 900_000 }, (_, index) => (index * 31) % 251));
    await inner.putIfAbsent('a', big, { sha256: sha256(big) });
    const starts: (number | undefined)[] = [];
    const breaking: Cloud = {
      ...faulty(inner, 'head', []),
      get: async (name, options): Promise<CloudRead> => {
        const read = await inner.get(name, options);
        starts.push(options?.range?.start);
        const cut = starts.length;
        if (cut > 3) return read;
        const body = async function* (): AsyncIterable<Uint8Array> {
          for await (const chunk of read.body) {
            yield chunk.subarray(0, 1000 * cut);
            if (cut === 2) {
              await read.body[Symbol.asyncIterator]().return?.(); // or this test would leak a file
              await new Promise(() => undefined);
            }
            throw new CloudError('UNAVAILABLE', 'broke off');
          }
        };
        return { ...read, body: body() };
      },
    };
    const cloud = resilient(breaking, { ...policy, timeoutMs: 50 });
    const back = await readAll(cloud, 'a', { sha256: sha256(big), maxBytes: big.length });
    expect(back.length).to.equal(big.length);
    expect(starts).to.deep.equal([undefined, 1000, 3000, 6000]);
  });

  it('stops at once when the caller gives up, also in the middle of a wait', async () => {
    const abort = new AbortController();
    const cloud = resilient(faulty(inner, 'head', [hangs]), { ...policy, timeoutMs: 10_000 });
    setTimeout(() => abort.abort(), 20);
    expect(await cloudFailure(() => cloud.head('a', { signal: abort.signal }))).to.equal('ABORTED');
    const waiting = resilient(faulty(inner, 'head', [fails('UNAVAILABLE')]), {
      ...policy,
      backoffMs: 10_000,
      maxBackoffMs: 10_000,
      jitter: () => 1,
    });
    const later = new AbortController();
    setTimeout(() => later.abort(), 20);
    expect(await cloudFailure(() => waiting.head('a', { signal: later.signal }))).to.equal(
      'ABORTED',
    );
  });

  it('turns what a cloud throws besides into UNAVAILABLE', async () => {
    const cloud = resilient(faulty(inner, 'head', [() => Promise.reject(new TypeError('bug'))]), {
      ...policy,
      attempts: 1,
    });
    const error = await failure(CloudError, () => cloud.head('a'));
    expect([error.code, error.cause instanceof TypeError]).to.deep.equal(['UNAVAILABLE', true]);
  });
});
