// A cloud that is a folder: one file an object, mode 0600, in 256 sub-folders. An object appears by `link(2)`,
// which fails when the name is taken, so a put is atomic; file and folder are synced before it is answered.
import { createHash, randomUUID } from 'node:crypto';
import * as nodeFs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { releasing } from './body.js';
import { checkObjectName, CloudError } from './cloud.js';
import type {
  Cloud,
  CloudBody,
  CloudErrorCode,
  CloudObject,
  CloudPage,
  CloudRead,
} from './cloud.js';

/** The file operations used, so that a test can play a failing disk. */
export type FileOperations = Pick<
  typeof nodeFs,
  'link' | 'mkdir' | 'open' | 'readdir' | 'stat' | 'unlink'
>;

export interface FilesystemCloudOptions {
  readonly name: string;
  readonly root: string;
  readonly files?: FileOperations;
  /** Unfinished uploads older than this are removed at the start. Default one hour. */
  readonly staleAfterMs?: number;
}

const READ_CHUNK_BYTES = 256 * 1024;
const DEFAULT_PAGE = 1000;

/** Opens (and makes, with mode 0700) the folder and removes what interrupted uploads left behind. */
export async function openFilesystemCloud(options: FilesystemCloudOptions): Promise<Cloud> {
  const { name, root, files = nodeFs, staleAfterMs = 3_600_000 } = options;
  const cloud = new FilesystemCloud(name, root, files);
  await cloud.prepare(staleAfterMs);
  return cloud;
}

class FilesystemCloud implements Cloud {
  private readonly objects: string;
  private readonly uploads: string;

  constructor(
    readonly name: string,
    root: string,
    private readonly files: FileOperations,
  ) {
    this.objects = join(root, 'objects');
    this.uploads = join(root, 'uploads');
  }

  async prepare(staleAfterMs: number): Promise<void> {
    await this.attempt('', async () => {
      await this.files.mkdir(this.objects, { recursive: true, mode: 0o700 });
      await this.files.mkdir(this.uploads, { recursive: true, mode: 0o700 });
      const now = Date.now();
      for (const entry of await this.files.readdir(this.uploads)) {
        const path = join(this.uploads, entry);
        if (now - (await this.files.stat(path)).mtimeMs > staleAfterMs)
          await this.files.unlink(path);
      }
    });
  }

  async putIfAbsent(
    objectName: string,
    body: CloudBody,
    options: { readonly sha256: string; readonly signal?: AbortSignal },
  ): Promise<CloudObject> {
    const target = this.pathOf(objectName);
    return this.attempt(objectName, async () => {
      const upload = join(this.uploads, randomUUID());
      try {
        const sizeBytes = await this.write(upload, objectName, body, options);
        const folder = dirname(target);
        await this.files.mkdir(folder, { recursive: true, mode: 0o700 });
        await this.files.link(upload, target);
        await this.sync(folder);
        await this.sync(this.objects);
        return { objectName, sizeBytes };
      } finally {
        await this.files.unlink(upload).catch(() => undefined); // swept at the next start
      }
    });
  }

  async get(
    objectName: string,
    options: {
      readonly range?: { start: number; end?: number };
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<CloudRead> {
    const { range, signal } = options;
    return this.attempt(objectName, async () => {
      signal?.throwIfAborted();
      const handle = await this.files.open(this.pathOf(objectName), 'r');
      try {
        const sizeBytes = (await handle.stat()).size;
        const start = range?.start ?? 0;
        const end = Math.min(range?.end ?? sizeBytes - 1, sizeBytes - 1);
        if (range !== undefined && !validRange(start, range.end, sizeBytes)) {
          throw this.error('INVALID', 'The range lies outside the object.', objectName);
        }
        const chunks = this.read(handle, objectName, start, end, signal);
        return { objectName, sizeBytes, body: releasing(chunks, () => handle.close()) };
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  async head(objectName: string): Promise<CloudObject> {
    return this.attempt(objectName, async () => {
      const { size } = await this.files.stat(this.pathOf(objectName));
      return { objectName, sizeBytes: size };
    });
  }

  async delete(objectName: string): Promise<void> {
    const path = this.pathOf(objectName);
    try {
      await this.attempt(objectName, async () => {
        await this.files.unlink(path);
        await this.sync(dirname(path));
      });
    } catch (error) {
      if (!(error instanceof CloudError && error.code === 'NOT_FOUND')) throw error;
    }
  }

  /** Sub-folder by sub-folder; the cursor is `<sub-folder>/<last file>`. */
  async list(
    prefix: string,
    options: {
      readonly cursor?: string;
      readonly limit?: number;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<CloudPage> {
    const { cursor, limit = DEFAULT_PAGE, signal } = options;
    if (cursor !== undefined && !/^[0-9a-f]{2}\/[A-Za-z0-9._+-]+$/.test(cursor)) {
      throw this.error('INVALID', 'This is no cursor of this cloud.', '');
    }
    const encodedPrefix = prefix.replaceAll('/', '+');
    return this.attempt('', async () => {
      const found: { place: string; path: string }[] = [];
      const shards = (await this.files.readdir(this.objects)).sort();
      for (const shard of shards.filter(
        (one) => cursor === undefined || one >= cursor.slice(0, 2),
      )) {
        signal?.throwIfAborted();
        for (const file of (await this.files.readdir(join(this.objects, shard))).sort()) {
          const place = `${shard}/${file}`;
          if (!file.startsWith(encodedPrefix) || (cursor !== undefined && place <= cursor))
            continue;
          found.push({ place, path: join(this.objects, shard, file) });
        }
        // One more than asked for tells whether another page follows.
        if (found.length > limit) break;
      }
      const page = found.slice(0, limit);
      const objects = await Promise.all(page.map((one) => this.describe(one)));
      const last = page.at(-1);
      return {
        objects: objects.flatMap((one) => (one === undefined ? [] : [one])),
        ...(found.length > limit && last !== undefined ? { cursor: last.place } : {}),
      };
    });
  }

  /** `undefined` when it was deleted since the folder was read. */
  private async describe({
    place,
    path,
  }: {
    place: string;
    path: string;
  }): Promise<CloudObject | undefined> {
    try {
      const { size } = await this.files.stat(path);
      return { objectName: place.slice(3).replaceAll('+', '/'), sizeBytes: size };
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  private async write(
    path: string,
    objectName: string,
    body: CloudBody,
    { sha256, signal }: { readonly sha256: string; readonly signal?: AbortSignal },
  ): Promise<number> {
    const handle = await this.files.open(path, 'wx', 0o600);
    try {
      const hash = createHash('sha256');
      let sizeBytes = 0;
      for await (const chunk of typeof body === 'function' ? body() : [body]) {
        signal?.throwIfAborted();
        hash.update(chunk);
        sizeBytes += chunk.length;
        await handle.writeFile(chunk);
      }
      if (hash.digest('hex') !== sha256) {
        throw this.error(
          'CHECKSUM',
          'The bytes to store are not those of the checksum.',
          objectName,
        );
      }
      signal?.throwIfAborted();
      await handle.sync();
      return sizeBytes;
    } finally {
      await handle.close();
    }
  }

  private async *read(
    handle: nodeFs.FileHandle,
    objectName: string,
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let at = start; at <= end;) {
        const chunk = await this.attempt(objectName, async () => {
          signal?.throwIfAborted();
          const buffer = Buffer.allocUnsafe(Math.min(READ_CHUNK_BYTES, end - at + 1));
          const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
          return buffer.subarray(0, bytesRead);
        });
        if (chunk.length === 0)
          throw this.error('UNAVAILABLE', 'The object became shorter.', objectName);
        at += chunk.length;
        yield chunk;
      }
    } finally {
      await handle.close();
    }
  }

  /** A name becomes one file: `/` is written `+`, which no name has. */
  private pathOf(objectName: string): string {
    checkObjectName(this.name, objectName);
    const shard = createHash('sha256').update(objectName).digest('hex').slice(0, 2);
    return join(this.objects, shard, objectName.replaceAll('/', '+'));
  }

  private async sync(folder: string): Promise<void> {
    const handle = await this.files.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  private async attempt<T>(objectName: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof CloudError) throw cause;
      if (cause instanceof Error && cause.name === 'AbortError') {
        throw this.error('ABORTED', 'The caller gave up.', objectName, cause);
      }
      const [code, message] = diskFaults[systemCode(cause)] ?? [
        'UNAVAILABLE',
        'The disk failed: look at the folder of this cloud.',
      ];
      throw this.error(code, message, objectName, cause);
    }
  }

  private error(
    code: CloudErrorCode,
    message: string,
    objectName: string,
    cause?: unknown,
  ): CloudError {
    const ids = { cloud: this.name, ...(objectName === '' ? {} : { object: objectName }) };
    return new CloudError(code, message, ids, { cause });
  }
}

const diskFaults: Readonly<Record<string, readonly [CloudErrorCode, string]>> = {
  EEXIST: ['EXISTS', 'An object of this name is there already.'],
  ENOENT: ['NOT_FOUND', 'There is no object of this name.'],
  ENOSPC: ['FULL', 'The disk is full: make room, then try again.'],
  EDQUOT: ['FULL', 'The disk quota is used up: make room, then try again.'],
  EPERM: [
    'UNAVAILABLE',
    'The folder’s file system has no hard links, or refuses them: use another one.',
  ],
};

const systemCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

const validRange = (start: number, end: number | undefined, sizeBytes: number): boolean =>
  Number.isSafeInteger(start) &&
  start >= 0 &&
  start < sizeBytes &&
  (end === undefined || end >= start);
