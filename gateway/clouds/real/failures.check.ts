// Each adapter, made patient, on a real server behind a proxy that spoils what goes through it: one table of faults for
// S3, Azure and Google. What is asked of the server past the proxy says whether anything half-written can be seen.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { Cloud, CloudError, CloudErrorCode } from '../cloud.js';
import { cloudFailure, sha256 } from '../conformance/index.js';
import { hashOf } from '../copy-faults.js';
import { readAll } from '../read-all.js';
import { resilient } from '../resilient.js';
import { FaultyProxy, type ProxiedRequest, type ProxyFault } from '../testing/faulty-proxy.js';
import { startAzurite, startGcs, startVersity, type RealServer } from './servers.js';

type Server = Pick<RealServer, 'cloud' | 'port' | 'stop'>;

type Matches = (request: ProxiedRequest) => boolean;

const isPut: Matches = ({ method }) => method === 'PUT' || method === 'POST';
const isGet: Matches = ({ method }) => method === 'GET';
const isMedia: Matches = ({ target }) => target.includes('alt=media');
const isBlockList: Matches = ({ target }) => target.includes('comp=blocklist');

/** Name, how to start it, which request makes an object visible, and which asks for its bytes. */
const makers: readonly (readonly [string, () => Promise<Server>, Matches, Matches])[] = [
  ['s3 on versitygw', startVersity, isPut, isGet],
  ['azure on azurite', startAzurite, isBlockList, isGet],
  ['gcs on fake-gcs-server', startGcs, isPut, isMedia],
];

const storm = [503, 500, 502].map((status): ProxyFault => ({ kind: 'answer', status }));
const cutRequest: ProxyFault = { kind: 'cut-request', afterBytes: 10_000 };
const cutAnswer: ProxyFault = { kind: 'cut-answer' };
const drip: ProxyFault = { kind: 'drip', everyMs: 5 };
const silence: ProxyFault = { kind: 'silence' };
const unavailable = (times: number) => Array<CloudErrorCode>(times).fill('UNAVAILABLE');

/** What passes: the faults that the first requests meet, one each, and what each failed attempt is called. */
const passing: readonly (readonly ['put' | 'get', string, ProxyFault[], CloudErrorCode[]])[] = [
  ['put', 'a storm of 5xx', storm, unavailable(3)],
  ['put', 'an upload that is cut half way', [cutRequest], unavailable(1)],
  ['put', 'silence', [silence], ['TIMEOUT']],
  ['get', 'a storm of 5xx', storm, unavailable(3)],
  ['get', 'downloads that are cut half way', [cutAnswer], unavailable(1)],
  ['get', 'silence', [silence], ['TIMEOUT']],
  ['get', 'a byte now and then', [drip], ['TIMEOUT']],
];

/** What does not end, and what it is called after the last attempt. */
const lasting: readonly (readonly ['put' | 'get', string, ProxyFault, CloudErrorCode])[] = [
  ['put', 'a storm of 503', { kind: 'answer', status: 503 }, 'UNAVAILABLE'],
  ['put', 'uploads that are cut half way', cutRequest, 'UNAVAILABLE'],
  ['put', 'silence', silence, 'TIMEOUT'],
  ['get', 'a storm of 503', { kind: 'answer', status: 503 }, 'UNAVAILABLE'],
  ['get', 'silence', silence, 'TIMEOUT'],
  ['get', 'a byte now and then', drip, 'TIMEOUT'],
];

for (const [maker, startServer, makesVisible, reads] of makers) {
  describe(`a real server behind a bad line: ${maker}`, function () {
    this.timeout(60_000);
    const bytes = randomBytes(200_000);
    const digest = sha256(bytes);
    let server: Server;
    let proxy: FaultyProxy;
    let count = 0;
    let plain: Cloud;
    let direct: Cloud;
    let failures: CloudError[];

    before(async () => {
      server = await startServer();
      proxy = await FaultyProxy.before(server.port);
    });
    beforeEach(async () => {
      const name = `bad-line-${count++}`;
      direct = await server.cloud(name);
      plain = await server.cloud(name, proxy.port);
      failures = [];
      proxy.fault = () => undefined;
    });
    after(async () => {
      await proxy.stop();
      await server.stop();
    });

    const patient = (attempts = 4) =>
      resilient(plain, {
        attempts,
        timeoutMs: 1000,
        minBytesPerSecond: 400_000,
        backoffMs: 1,
        maxBackoffMs: 4,
        onFailure: (error) => failures.push(error),
      });
    const put = (cloud: Cloud) => cloud.putIfAbsent('one', bytes, { sha256: digest });
    const read = (cloud: Cloud) => readAll(cloud, 'one', { sha256: digest, maxBytes: 300_000 });
    const meets = (matches: Matches, faults: readonly ProxyFault[]) => {
      const left = [...faults];
      proxy.fault = (request) => (matches(request) ? left.shift() : undefined);
    };
    const codes = () => failures.map(({ code }) => code);

    for (const [operation, what, faults, expected] of passing) {
      it(`${operation}: gets over ${what}`, async () => {
        if (operation === 'get') await put(direct);
        meets(operation === 'put' ? isPut : reads, faults);
        if (operation === 'put') await put(patient());
        else expect(await read(patient())).to.deep.equal(bytes);
        expect(codes()).to.deep.equal(expected);
        expect(await hashOf(direct, 'one')).to.equal(digest);
        expect((await direct.list('')).objects).to.deep.equal([
          { objectName: 'one', sizeBytes: bytes.length },
        ]);
      });
    }

    for (const [operation, what, fault, expected] of lasting) {
      it(`${operation}: gives up ${what}, and nothing is half there`, async () => {
        if (operation === 'get') await put(direct);
        proxy.fault = (request) =>
          (operation === 'put' ? isPut : reads)(request) ? fault : undefined;
        const work = operation === 'put' ? put : read;
        expect(await cloudFailure(() => work(patient(2)))).to.equal(expected);
        expect(new Set(codes())).to.deep.equal(new Set([expected]));
        expect(failures).to.have.length(2);
        const { objects } = await direct.list('');
        expect(objects).to.have.length(operation === 'put' ? 0 : 1);
        if (operation === 'put') {
          expect(await cloudFailure(() => direct.head('one'))).to.equal('NOT_FOUND');
          proxy.fault = () => undefined;
          await put(patient());
        }
        expect(await hashOf(direct, 'one')).to.equal(digest);
      });
    }

    it('put: settles one whose answer was lost: it is there, and its own', async () => {
      meets(makesVisible, [{ kind: 'lose-answer' }]);
      expect(await put(patient())).to.include({ sizeBytes: bytes.length });
      expect(codes()).to.deep.equal(['UNAVAILABLE', 'EXISTS']);
      expect(await hashOf(direct, 'one')).to.equal(digest);
    });

    it('get: never takes the half for the whole', async () => {
      await put(direct);
      proxy.fault = () => cutAnswer;
      expect(await cloudFailure(() => read(plain))).to.equal('UNAVAILABLE');
    });
  });
}
