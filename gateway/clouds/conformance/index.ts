// What every cloud has to do. An implementation's test calls `cloudConformance` with a way to make an empty one.
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { CloudError } from '../cloud.js';
import type { Cloud, CloudErrorCode } from '../cloud.js';
import { readAll } from '../read-all.js';

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/** The code that `work` fails with; throws when it succeeds. */
export async function cloudFailure(work: () => Promise<unknown>): Promise<CloudErrorCode> {
  try {
    await work();
  } catch (error) {
    if (error instanceof CloudError) return error.code;
    throw error;
  }
  throw new Error('nothing was thrown where a CloudError was expected');
}

/** Runs the suite. `factory` gives an empty cloud and a way to remove it. */
export function cloudConformance(
  name: string,
  factory: () => Promise<{ cloud: Cloud; dispose: () => Promise<void> }>,
): void {
  describe(`cloud: ${name}`, () => {
    let cloud: Cloud;
    let dispose: () => Promise<void>;
    beforeEach(async () => {
      ({ cloud, dispose } = await factory());
    });
    afterEach(() => dispose());

    const bytes = Buffer.from('the quick brown fox');
    const put = (objectName: string, body: Uint8Array = bytes): Promise<unknown> =>
      cloud.putIfAbsent(objectName, body, { sha256: sha256(body) });
    const read = async (
      objectName: string,
      range?: { start: number; end?: number },
    ): Promise<string> => {
      const chunks: Uint8Array[] = [];
      const { body } = await cloud.get(objectName, range === undefined ? {} : { range });
      for await (const chunk of body) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    };

    it('gives back what was stored, from bytes and from a stream', async () => {
      await put('images/one');
      expect(await read('images/one')).to.equal(bytes.toString());
      const big = Buffer.alloc(1_000_003, 'abc');
      const stream = async function* (): AsyncIterable<Uint8Array> {
        for (let at = 0; at < big.length; at += 65_536)
          yield await Promise.resolve(big.subarray(at, at + 65_536));
      };
      const stored = await cloud.putIfAbsent('images/two', stream, { sha256: sha256(big) });
      expect(stored).to.deep.equal({ objectName: 'images/two', sizeBytes: big.length });
      const back = await readAll(cloud, 'images/two', {
        sha256: sha256(big),
        maxBytes: big.length,
      });
      expect(sha256(back)).to.equal(sha256(big));
      expect(await cloud.head('images/two')).to.deep.equal({
        objectName: 'images/two',
        sizeBytes: big.length,
      });
    });

    it('stores an empty object', async () => {
      await put('empty', new Uint8Array(0));
      expect(await read('empty')).to.equal('');
    });

    it('never replaces an object', async () => {
      await put('a');
      expect(await cloudFailure(() => put('a', Buffer.from('other')))).to.equal('EXISTS');
      expect(await read('a')).to.equal(bytes.toString());
    });

    it('lets exactly one of many concurrent puts win, whole', async () => {
      const bodies = Array.from({ length: 12 }, (_, index) => Buffer.alloc(50_000, `${index}-`));
      const outcomes = await Promise.allSettled(bodies.map((body) => put('contested', body)));
      const winners = bodies.filter((_, index) => outcomes[index]?.status === 'fulfilled');
      expect(winners).to.have.length(1);
      const [winner = Buffer.alloc(0)] = winners;
      expect(await read('contested')).to.equal(winner.toString());
      for (const one of outcomes) {
        if (one.status === 'rejected') {
          expect(one.reason).to.be.instanceOf(CloudError).and.to.include({ code: 'EXISTS' });
        }
      }
    });

    it('leaves nothing behind when the checksum does not fit or the stream breaks off', async () => {
      const wrong = sha256(Buffer.from('other'));
      expect(await cloudFailure(() => cloud.putIfAbsent('a', bytes, { sha256: wrong }))).to.equal(
        'CHECKSUM',
      );
      const broken = async function* (): AsyncIterable<Uint8Array> {
        yield await Promise.resolve(bytes);
        throw new Error('the uploader went away');
      };
      expect(
        await cloudFailure(() => cloud.putIfAbsent('a', broken, { sha256: sha256(bytes) })),
      ).to.equal('UNAVAILABLE');
      expect(await cloudFailure(() => cloud.head('a'))).to.equal('NOT_FOUND');
      expect((await cloud.list('')).objects).to.deep.equal([]);
      await put('a');
    });

    it('gives ranges, and refuses those outside', async () => {
      await put('a');
      expect(await read('a', { start: 4, end: 8 })).to.equal('quick');
      expect(await read('a', { start: 16 })).to.equal('fox');
      expect(await read('a', { start: 16, end: 999 })).to.equal('fox');
      for (const range of [
        { start: bytes.length },
        { start: 3, end: 2 },
        { start: -1 },
        { start: 0.5 },
      ]) {
        expect(await cloudFailure(() => cloud.get('a', { range })), JSON.stringify(range)).to.equal(
          'INVALID',
        );
      }
    });

    it('says what is not there, and deletes what may not be', async () => {
      expect(await cloudFailure(() => cloud.get('none'))).to.equal('NOT_FOUND');
      expect(await cloudFailure(() => cloud.head('none'))).to.equal('NOT_FOUND');
      await put('a');
      await cloud.delete('a');
      await cloud.delete('a');
      expect(await cloudFailure(() => cloud.head('a'))).to.equal('NOT_FOUND');
    });

    it('lists by prefix, page by page, each name once', async () => {
      const names = Array.from({ length: 23 }, (_, index) => `wraps/report-1/key-${index}`);
      for (const objectName of [...names, 'wraps/report-10/key', 'images/x']) await put(objectName);
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await cloud.list('wraps/report-1/', {
          limit: 5,
          ...(cursor === undefined ? {} : { cursor }),
        });
        expect(page.objects.length).to.be.at.most(5);
        found.push(...page.objects.map(({ objectName }) => objectName));
        cursor = page.cursor;
      } while (cursor !== undefined);
      expect(found.sort()).to.deep.equal(names.sort());
    });

    it('refuses names that are none, above all those that would leave its folder', async () => {
      const bad = [
        '',
        '.',
        '..',
        '../x',
        'a/../b',
        '/a',
        'a/',
        'a//b',
        'a\\b',
        'a\0b',
        '.hidden',
        'a/.b',
        'a+b',
        'é',
        'x'.repeat(201),
      ];
      for (const objectName of bad) {
        expect(await cloudFailure(() => put(objectName)), objectName).to.equal('INVALID');
        expect(await cloudFailure(() => cloud.get(objectName)), objectName).to.equal('INVALID');
        expect(await cloudFailure(() => cloud.delete(objectName)), objectName).to.equal('INVALID');
      }
    });

    it('stops when the caller gives up', async () => {
      await put('a');
      const signal = AbortSignal.abort();
      expect(await cloudFailure(() => cloud.get('a', { signal }))).to.equal('ABORTED');
      expect(
        await cloudFailure(() => cloud.putIfAbsent('b', bytes, { sha256: sha256(bytes), signal })),
      ).to.equal('ABORTED');
      expect(await cloudFailure(() => cloud.head('b'))).to.equal('NOT_FOUND');
    });
  });
}
