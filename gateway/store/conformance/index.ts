// What every store has to do. An implementation's test calls `storeConformance` with a way to open itself.
import { expect } from 'chai';
import { GatewayError } from '../../errors.js';
import { failure } from '../../testing/index.js';
import type { Store } from '../store.js';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString('utf8');

/** Runs the suite. `open` gives an empty store; `reopen` the same data after a close. */
export function storeConformance(
  name: string,
  open: () => Promise<{ store: Store; reopen: () => Promise<Store>; dispose: () => Promise<void> }>,
): void {
  describe(`store: ${name}`, () => {
    let store: Store;
    let reopen: () => Promise<Store>;
    let dispose: () => Promise<void>;
    beforeEach(async () => {
      ({ store, reopen, dispose } = await open());
    });
    afterEach(async () => {
      await store.close();
      await dispose();
    });

    const put = (key: string, value: string): Promise<boolean> =>
      store.commit([{ space: 'a', key, value: bytes(value) }]);
    const keys = async (options?: Parameters<Store['list']>[1]): Promise<string[]> => {
      const found: string[] = [];
      for await (const { key } of store.list('a', options)) found.push(key);
      return found;
    };

    it('gives back what was put, nothing for what was not, and keeps spaces apart', async () => {
      await put('k', 'v');
      expect(text(await store.get('a', 'k'))).to.equal('v');
      expect(await store.get('b', 'k')).to.equal(undefined);
      expect((await store.getMany('a', ['x', 'k'])).map(text)).to.deep.equal([undefined, 'v']);
    });

    it('deletes', async () => {
      await put('k', 'v');
      await store.commit([{ space: 'a', key: 'k', value: undefined }]);
      expect(await store.get('a', 'k')).to.equal(undefined);
    });

    it('lists by prefix, after a key, up to a limit, in order', async () => {
      for (const key of ['b/2', 'a', 'b/1', 'c', 'b/3']) await put(key, key);
      expect(await keys()).to.deep.equal(['a', 'b/1', 'b/2', 'b/3', 'c']);
      expect(await keys({ prefix: 'b/' })).to.deep.equal(['b/1', 'b/2', 'b/3']);
      expect(await keys({ prefix: 'b/', after: 'b/1', limit: 1 })).to.deep.equal(['b/2']);
      expect(await keys({ prefix: 'b/', after: 'a' })).to.deep.equal(['b/1', 'b/2', 'b/3']);
      expect(await keys({ limit: 0 })).to.deep.equal([]);
    });

    it('writes all of a commit or, when an expectation fails, none of it', async () => {
      await put('taken', '1');
      const writes = [
        { space: 'a', key: 'x', value: bytes('1') },
        { space: 'b', key: 'y', value: bytes('2') },
      ];
      const absent = { space: 'a', key: 'taken', value: undefined };
      expect(await store.commit(writes, { expect: [absent] })).to.equal(false);
      expect(await store.get('a', 'x')).to.equal(undefined);
      const same = { space: 'a', key: 'taken', value: bytes('1') };
      expect(await store.commit(writes, { expect: [same] })).to.equal(true);
      expect(text(await store.get('b', 'y'))).to.equal('2');
    });

    it('lets exactly one of many concurrent put-if-absents win', async () => {
      const attempts = Array.from({ length: 50 }, (_, index) =>
        store.commit([{ space: 'a', key: 'one', value: bytes(String(index)) }], {
          expect: [{ space: 'a', key: 'one', value: undefined }],
        }),
      );
      const won = (await Promise.all(attempts)).flatMap((done, index) => (done ? [index] : []));
      expect(won).to.have.length(1);
      expect(text(await store.get('a', 'one'))).to.equal(String(won[0]));
    });

    it('loses no increment when many callers count at once', async () => {
      await put('count', '0');
      const increment = async (): Promise<void> => {
        for (;;) {
          const present = await store.get('a', 'count');
          const value = bytes(String(Number(text(present)) + 1));
          const expectation = { space: 'a', key: 'count', value: present };
          if (await store.commit([{ space: 'a', key: 'count', value }], { expect: [expectation] }))
            return;
        }
      };
      await Promise.all(Array.from({ length: 20 }, increment));
      expect(text(await store.get('a', 'count'))).to.equal('20');
    });

    it('decides commits that wait together one after the other', async () => {
      const change = (key: string, from: string | undefined, to: string | undefined) =>
        store.commit([{ space: 'a', key, value: to === undefined ? undefined : bytes(to) }], {
          expect: [{ space: 'a', key, value: from === undefined ? undefined : bytes(from) }],
          sync: true,
        });
      const answers = await Promise.all([
        change('k', undefined, '1'),
        change('k', '1', '2'),
        change('k', '1', 'lost'),
        change('other', 'never there', '1'),
        change('k', '2', undefined),
        change('k', undefined, '3'),
      ]);
      expect(answers).to.deep.equal([true, true, false, false, true, true]);
      expect(text(await store.get('a', 'k'))).to.equal('3');
      expect(text(await store.get('a', 'other'))).to.equal(undefined);
    });

    it('lets the later of two writes to one key stand, with no expectation, too', async () => {
      await Promise.all(
        [put('k', '1'), put('k', '2'), put('gone', '1')].concat(
          store.commit([{ space: 'a', key: 'gone', value: undefined }]),
        ),
      );
      expect(text(await store.get('a', 'k'))).to.equal('2');
      expect(await store.get('a', 'gone')).to.equal(undefined);
    });

    it('writes what waits together with a commit that is refused or impossible', async () => {
      const [refused, impossible, done] = await Promise.all([
        store.commit([{ space: 'a', key: 'x', value: bytes('1') }], {
          expect: [{ space: 'a', key: 'absent', value: bytes('1') }],
        }),
        put('', 'no key').then(
          () => 'done',
          () => 'impossible',
        ),
        put('y', '1'),
      ]);
      expect([refused, impossible, done]).to.deep.equal([false, 'impossible', true]);
      expect(text(await store.get('a', 'y'))).to.equal('1');
      expect(await store.get('a', 'x')).to.equal(undefined);
    });

    it('takes thousands of commits at once', async () => {
      const names = Array.from({ length: 3000 }, (_, index) => `k${index}`);
      const done = await Promise.all(
        names.map((key) =>
          store.commit([{ space: 'a', key, value: bytes(key) }], {
            expect: [{ space: 'a', key, value: undefined }],
            sync: true,
          }),
        ),
      );
      expect(new Set(done)).to.deep.equal(new Set([true]));
      const values = await store.getMany('a', names);
      expect(values.map(text)).to.deep.equal(names);
    });

    it('keeps its data over a close', async () => {
      await store.commit([{ space: 'a', key: 'k', value: bytes('v') }], { sync: true });
      await store.close();
      store = await reopen();
      expect(text(await store.get('a', 'k'))).to.equal('v');
    });

    it('refuses commits and reads after a close, and may be closed twice', async () => {
      await store.close();
      await store.close();
      for (const call of [() => put('k', 'v'), () => store.get('a', 'k'), () => keys()]) {
        const error = await failure(GatewayError, call);
        expect(error.code).to.equal('SHUTTING_DOWN');
      }
    });

    it('refuses keys and spaces that are not names', async () => {
      for (const [space, key] of [
        ['a', ''],
        ['a', 'x\0y'],
        ['a', 'x'.repeat(513)],
        ['A b', 'k'],
      ] as const) {
        const outcome = await store.commit([{ space, key, value: bytes('v') }]).then(
          () => 'done',
          () => 'refused',
        );
        expect(outcome, JSON.stringify([space, key])).to.equal('refused');
      }
    });
  });
}
