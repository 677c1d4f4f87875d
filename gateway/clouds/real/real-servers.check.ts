// Each adapter on a real server that this file starts: the conformance suite, and what only a real server shows. Needs the
// servers that `scripts/clouds/install.sh` installs; `.ci/run` runs it, `npm test` does not.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { Cloud } from '../cloud.js';
import { cloudConformance, cloudFailure, sha256 } from '../conformance/index.js';
import { hashOf } from '../copy-faults.js';
import { resilient } from '../resilient.js';
import { startAzurite, startGcs, startVersity, type RealServer } from './servers.js';

type Server = Pick<RealServer, 'cloud' | 'stop'> & Partial<RealServer>;

const servers: readonly (readonly [string, () => Promise<Server>])[] = [
  ['s3 on versitygw', startVersity],
  ['azure on azurite', startAzurite],
  ['gcs on fake-gcs-server', startGcs],
];

for (const [name, startServer] of servers) {
  describe(`on a real server: ${name}`, function () {
    this.timeout(60_000);
    let server: Server;
    let count = 0;
    const next = () => server.cloud(`records-${count++}`);
    before(async () => {
      server = await startServer();
    });
    after(() => server.stop());

    cloudConformance(name, async () => ({ cloud: await next(), dispose: () => Promise.resolve() }));

    it('stores what is larger than a part, whole or not at all', async () => {
      const cloud = await next();
      const big = randomBytes(11 * 1024 * 1024 + 17);
      const pieces = async function* () {
        for (let at = 0; at < big.length; at += 1_000_000)
          yield await Promise.resolve(big.subarray(at, at + 1_000_000));
      };
      await cloud.putIfAbsent('big', pieces, { sha256: sha256(big) });
      expect(await hashOf(cloud, 'big')).to.equal(sha256(big));
      expect(
        await cloudFailure(() => cloud.putIfAbsent('big', pieces, { sha256: sha256(big) })),
      ).to.equal('EXISTS');
      const { body, sizeBytes } = await cloud.get('big', {
        range: { start: 6_000_000, end: 6_000_099 },
      });
      const read: Uint8Array[] = [];
      for await (const chunk of body) read.push(chunk);
      expect(sizeBytes).to.equal(big.length);
      expect(Buffer.concat(read).equals(big.subarray(6_000_000, 6_000_100))).to.equal(true);

      const wrong = sha256(Buffer.from('other'));
      expect(
        await cloudFailure(() => cloud.putIfAbsent('wrong', pieces, { sha256: wrong })),
      ).to.equal('CHECKSUM');
      const broken = async function* () {
        for await (const piece of pieces()) {
          yield piece;
          if (piece.length < 1_000_000) throw new Error('the uploader went away');
        }
      };
      expect(
        await cloudFailure(() => cloud.putIfAbsent('broken', broken, { sha256: sha256(big) })),
      ).to.equal('UNAVAILABLE');
      const stop = new AbortController();
      const abandoned = async function* () {
        for await (const piece of pieces()) {
          yield piece;
          stop.abort();
        }
      };
      const given = { sha256: sha256(big), signal: stop.signal };
      expect(await cloudFailure(() => cloud.putIfAbsent('abandoned', abandoned, given))).to.equal(
        'ABORTED',
      );
      const { objects } = await cloud.list('');
      expect(objects.map(({ objectName }) => objectName)).to.deep.equal(['big']);
    });

    it('keeps no copy that is older than a deletion', async () => {
      const cloud = await next();
      for (const content of ['first', 'second', 'third']) {
        const bytes = Buffer.from(content);
        await cloud.putIfAbsent('wrap', bytes, { sha256: sha256(bytes) });
        expect(await hashOf(cloud, 'wrap')).to.equal(sha256(bytes));
        await cloud.delete('wrap');
        expect(await cloudFailure(() => cloud.get('wrap'))).to.equal('NOT_FOUND');
      }
    });

    // fake-gcs-server checks no credentials.
    if (name !== 'gcs on fake-gcs-server') {
      it('refuses a stranger with an error that names the setting, and is not asked again', async () => {
        const bytes = Buffer.from('x');
        let failures = 0;
        const patient = (cloud: Cloud) =>
          resilient(cloud, {
            attempts: 5,
            timeoutMs: 10_000,
            backoffMs: 1,
            maxBackoffMs: 1,
            onFailure: (error) => {
              failures += 1;
              expect(error.ids['setting']).to.match(/^PRMS_CLOUD_(SECRET|ACCOUNT)$/);
            },
          });
        const { strangersCloud } = server;
        if (!strangersCloud) throw new Error('this server lets everybody in');
        await server.cloud('private');
        const stranger = patient(strangersCloud('private'));
        expect(
          await cloudFailure(() => stranger.putIfAbsent('a', bytes, { sha256: sha256(bytes) })),
        ).to.equal('DENIED');
        expect(failures).to.equal(1);
      });
    }

    it('is UNAVAILABLE when it is gone, and there again when it is back', async () => {
      const cloud = await next();
      const bytes = Buffer.from('kept');
      await cloud.putIfAbsent('a', bytes, { sha256: sha256(bytes) });
      await server.stop();
      for (const work of [
        () => cloud.get('a'),
        () => cloud.head('a'),
        () => cloud.delete('a'),
        () => cloud.list(''),
        () => cloud.putIfAbsent('b', bytes, { sha256: sha256(bytes) }),
      ])
        expect(await cloudFailure(work)).to.equal('UNAVAILABLE');
      server = await startServer();
      const back = await server.cloud('records-back');
      await back.putIfAbsent('a', bytes, { sha256: sha256(bytes) });
      expect(await hashOf(back, 'a')).to.equal(sha256(bytes));
    });
  });
}
