import { connect } from 'node:net';
import { expect } from 'chai';
import { z } from 'zod';
import { failure } from '../../testing/index.js';
import { json, problemSchema, routeDefiner } from './index.js';
import { sampleRoutes, startSample } from './testing-app.js';
import type { SampleServer } from './testing-app.js';

const readJson = async (response: Response): Promise<unknown> => {
  const body: unknown = await response.json();
  return body;
};
const problemOf = async (response: Response): Promise<z.infer<typeof problemSchema>> => {
  expect(response.headers.get('content-type')).to.equal('application/problem+json; charset=utf-8');
  const problem = problemSchema.parse(await readJson(response));
  expect(problem.status).to.equal(response.status);
  expect(problem.instance).to.equal(
    `urn:prms:request:${response.headers.get('x-request-id') ?? ''}`,
  );
  return problem;
};
const until = async (condition: () => boolean): Promise<void> => {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries > 400) throw new Error('it never happened');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe('HTTP base', () => {
  let sample: SampleServer;
  before(async () => {
    sample = await startSample();
  });
  after(() => sample.stop());

  const api = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`${sample.url}/api/v1${path}`, init);
  const code = async (path: string, init?: RequestInit): Promise<string> =>
    (await problemOf(await api(path, init))).code;
  const post = (body: string, headers: Record<string, string> = {}): RequestInit => ({
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  const bearer = async (): Promise<Record<string, string>> => ({
    authorization: `Bearer ${(await sample.token('patient', 'bearer')).token}`,
  });

  describe('routes', () => {
    it('check parameters and query, and keep what the schema does not name inside', async () => {
      const response = await api('/notes/a?times=3');
      expect(response.status).to.equal(200);
      expect(await readJson(response)).to.deep.equal({ id: 'a', text: 'xxx' });
    });

    it('name every field that does not fit', async () => {
      const problem = await problemOf(await api('/notes/longer-than-8?times=9'));
      expect([problem.code, problem.fields?.map(({ path }) => path)]).to.deep.equal([
        'VALIDATION',
        ['params.noteId'],
      ]);
      const query = await problemOf(await api('/notes/a?times=9'));
      expect(query.fields?.map(({ path }) => path)).to.deep.equal(['query.times']);
      const body = await problemOf(
        await api('/notes', post('{"text":"","extra":1}', await bearer())),
      );
      expect(body.fields?.map(({ path }) => path)).to.deep.equal(['body.text', 'body']);
    });

    it('answer with the status, body and headers that the handler gives', async () => {
      const created = await api('/notes', post('{"text":"hello"}', await bearer()));
      expect([
        created.status,
        created.headers.get('location'),
        await readJson(created),
      ]).to.deep.equal([201, '/x', { id: 'user-1', text: 'hello' }]);
      const nothing = await api('/notes', post('{"text":"nothing"}', await bearer()));
      expect([nothing.status, await nothing.text()]).to.deep.equal([204, '']);
    });

    it('refuse bodies that are malformed, too large, of another type, compressed or missing', async () => {
      const headers = await bearer();
      expect(await code('/notes', post('{"text":', headers))).to.equal('BAD_REQUEST');
      expect(await code('/notes', post('"text"', headers))).to.equal('BAD_REQUEST');
      const large = await problemOf(
        await api('/notes', post(JSON.stringify({ text: 'x'.repeat(2000) }), headers)),
      );
      expect([large.code, large.limitBytes]).to.deep.equal(['TOO_LARGE', 1024]);
      expect(
        await code('/notes', post('text', { ...headers, 'content-type': 'text/plain' })),
      ).to.equal('UNSUPPORTED_MEDIA');
      expect(await code('/notes', post('{}', { ...headers, 'content-encoding': 'gzip' }))).to.equal(
        'UNSUPPORTED_MEDIA',
      );
      expect(await code('/notes', { method: 'POST', headers })).to.equal('VALIDATION');
    });

    it('answer unknown addresses, methods and malformed ones with problems', async () => {
      expect(await code('/nowhere')).to.equal('NOT_FOUND');
      expect(await code('/notes/%ff')).to.equal('BAD_REQUEST');
      const response = await api('/notes/a', { method: 'PUT' });
      expect(response.headers.get('allow')).to.equal('GET, DELETE');
      expect((await problemOf(response)).code).to.equal('METHOD_NOT_ALLOWED');
    });

    it('tell a handler’s errors by their code, and nothing of an unexpected one', async () => {
      expect(await problemOf(await api('/notes/none'))).to.deep.include({
        code: 'NOT_FOUND',
        ids: { note: 'none' },
      });
      expect(await code('/notes/cloud')).to.equal('CLOUD_UNAVAILABLE');
      const text = await (await api('/notes/crash')).text();
      expect(text).to.contain('INTERNAL').and.to.not.contain('4711').and.to.not.contain('at ');
      expect(await code('/liar')).to.equal('INTERNAL');
      expect(sample.logged.join()).to.contain('request.failed').and.to.not.contain('4711');
    });

    it('can’t be defined twice or under a path that is none', async () => {
      const define = routeDefiner<undefined>();
      const facts = {
        method: 'get',
        summary: 's',
        tags: ['t'],
        auth: 'none',
        responses: { 200: json(z.string(), 'd') },
      } as const;
      const handler = () => ({ status: 200 as const, body: '' });
      expect(() => define({ ...facts, path: 'notes', handler })).to.throw(TypeError);
      await failure(TypeError, () => startSample({ routes: [sampleRoutes[0], sampleRoutes[0]] }));
    });
  });

  describe('sessions', () => {
    const cookie = async (
      headers: Record<string, string> = {},
    ): Promise<{ headers: Record<string, string>; csrf: string }> => {
      const { token, csrf } = await sample.token('patient', 'cookie');
      return { headers: { cookie: `other=1; prms_session=${token}`, ...headers }, csrf };
    };

    it('are refused when missing, unknown or malformed', async () => {
      expect(await code('/notes', post('{"text":"x"}'))).to.equal('UNAUTHENTICATED');
      expect(
        await code('/notes', post('{"text":"x"}', { authorization: 'Bearer nonsense' })),
      ).to.equal('UNAUTHENTICATED');
      const response = await api('/notes', post('{"text":"x"}', { authorization: 'Basic x' }));
      expect([response.status, response.headers.get('www-authenticate')]).to.deep.equal([
        401,
        'Bearer',
      ]);
    });

    it('by cookie need their CSRF token for changes', async () => {
      const one = await cookie();
      const other = await cookie();
      expect(await code('/notes', post('{"text":"x"}', one.headers))).to.equal('CSRF');
      expect(
        await code('/notes', post('{"text":"x"}', { ...one.headers, 'x-csrf-token': other.csrf })),
      ).to.equal('CSRF');
      const good = await api(
        '/notes',
        post('{"text":"x"}', { ...one.headers, 'x-csrf-token': one.csrf }),
      );
      expect(good.status).to.equal(201);
    });

    it('by cookie refuse another site’s page, logging in included', async () => {
      const { headers, csrf } = await cookie();
      const own = { ...headers, 'x-csrf-token': csrf };
      for (const foreign of [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
      ]) {
        expect(
          await code('/notes', post('{"text":"x"}', { ...own, ...foreign })),
          JSON.stringify(foreign),
        ).to.equal('CSRF');
        expect(await code('/sessions', post('', foreign)), JSON.stringify(foreign)).to.equal(
          'CSRF',
        );
      }
      const same = await api('/notes', post('{"text":"x"}', { ...own, origin: sample.url }));
      expect(same.status).to.equal(201);
    });

    it('keep cookies and bearer tokens apart', async () => {
      const { token } = await sample.token('patient', 'cookie');
      expect(
        await code('/notes', post('{"text":"x"}', { authorization: `Bearer ${token}` })),
      ).to.equal('UNAUTHENTICATED');
      const program = await sample.token('patient', 'bearer');
      const asCookie = { cookie: `prms_session=${program.token}`, 'x-csrf-token': program.csrf };
      expect(await code('/notes', post('{"text":"x"}', asCookie))).to.equal('UNAUTHENTICATED');
    });

    it('are checked for role and freshness', async () => {
      const remove = (token: string): RequestInit => ({
        method: 'DELETE',
        headers: { authorization: `Bearer ${token}` },
      });
      expect(
        await code('/notes/a', remove((await sample.token('patient', 'bearer')).token)),
      ).to.equal('FORBIDDEN');
      const { token } = await sample.token('doctor', 'bearer');
      expect((await api('/notes/a', remove(token))).status).to.equal(204);
      sample.clock.advance(60_000);
      expect(await code('/notes/a', remove(token))).to.equal('FRESH_LOGIN_REQUIRED');
    });

    it('travel in a cookie that scripts and other sites can’t use, and leave with it', async () => {
      const response = await api('/sessions', { method: 'POST' });
      const header = response.headers.get('set-cookie') ?? '';
      expect(header).to.match(
        /^prms_session=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
      );
      const { csrfToken } = z.object({ csrfToken: z.string() }).parse(await readJson(response));
      const headers = { cookie: header.split(';')[0] ?? '', 'x-csrf-token': csrfToken };
      const out = await api('/sessions/current', { method: 'DELETE', headers });
      expect([
        out.status,
        out.headers.get('set-cookie')?.startsWith('prms_session=;'),
      ]).to.deep.equal([204, true]);
      expect(await code('/sessions/current', { method: 'DELETE', headers })).to.equal(
        'UNAUTHENTICATED',
      );
    });

    it('get a Secure cookie and only their own origin when the gateway is public by https', async () => {
      const secure = await startSample({ publicOrigin: 'https://records.example' });
      try {
        const logIn = (origin: string): Promise<Response> =>
          fetch(`${secure.url}/api/v1/sessions`, { method: 'POST', headers: { origin } });
        const response = await logIn('https://records.example');
        expect(response.headers.get('set-cookie')).to.contain('; Secure');
        expect(response.headers.get('strict-transport-security')).to.contain('max-age');
        expect((await logIn(secure.url)).status).to.equal(403);
      } finally {
        await secure.stop();
      }
    });
  });

  describe('bytes', () => {
    it('are sent whole or as they come', async () => {
      const whole = await api('/streams/whole');
      expect([whole.headers.get('content-length'), await whole.text()]).to.deep.equal(['3', 'abc']);
      expect(await (await api('/streams/chunks')).text()).to.equal('chunk 0;chunk 1;chunk 2;');
    });

    it('that fail before the first one give a problem, later a cut connection, never a whole answer', async () => {
      expect(await code('/streams/fails-at-once')).to.equal('REPORT_DAMAGED');
      const response = await api('/streams/fails-later');
      expect(response.status).to.equal(200);
      const outcome = await response.text().then(
        () => 'whole',
        () => 'cut',
      );
      expect(outcome).to.equal('cut');
    });

    it('stop, and let go of their source, when the reader goes away', async () => {
      sample.seen.length = 0;
      const abort = new AbortController();
      const response = await api('/streams/endless', { signal: abort.signal });
      await response.body?.getReader().read();
      expect(sample.seen).to.deep.equal([]);
      abort.abort();
      await until(() => sample.seen.includes('let go'));
    });
  });

  describe('time', () => {
    it('ends for a handler that takes too long, with its signal aborted', async () => {
      sample.seen.length = 0;
      expect(await code('/slow')).to.equal('TIMEOUT');
      expect(sample.seen).to.deep.equal(['begun', 'aborted']);
    });

    it('ends for a body that does not arrive', async () => {
      const hasty = await startSample({ requestTimeoutMs: 100 });
      try {
        const answer = await new Promise<string>((resolve, reject) => {
          const socket = connect(hasty.port, '127.0.0.1', () => {
            void hasty.token('patient', 'bearer').then(({ token }) => {
              socket.write(
                `POST /api/v1/notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
                  'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"text"',
              );
            });
          });
          let text = '';
          socket.on('data', (chunk) => (text += chunk.toString()));
          socket.on('close', () => resolve(text));
          socket.on('error', reject);
        });
        expect(answer).to.contain('HTTP/1.1 408').and.to.contain('REQUEST_TIMEOUT');
      } finally {
        await hasty.stop();
      }
    });
  });

  describe('around the routes', () => {
    it('headers forbid browsers everything, caches too, and tell no version', async () => {
      const { headers } = await api('/notes/a');
      expect(headers.get('content-security-policy')).to.contain("default-src 'none'");
      expect(headers.get('cache-control')).to.equal('no-store');
      expect(headers.get('x-content-type-options')).to.equal('nosniff');
      expect([headers.get('x-powered-by'), headers.get('etag')]).to.deep.equal([null, null]);
    });

    it('health, readiness and metrics answer', async () => {
      expect(await readJson(await fetch(`${sample.url}/healthz`))).to.deep.equal({ status: 'ok' });
      const ready = await fetch(`${sample.url}/readyz`);
      expect([ready.status, await readJson(ready)]).to.deep.equal([
        200,
        { status: 'ready', checks: { store: true, accepting: true } },
      ]);
      await api('/notes/private-id');
      const metrics = await (await fetch(`${sample.url}/metrics`)).text();
      expect(metrics).to.contain('route="/api/v1/notes/{noteId}"').and.to.not.contain('private-id');
      const broken = await startSample({
        ready: () => Promise.resolve({ store: true, ledger: false }),
      });
      expect((await fetch(`${broken.url}/readyz`)).status).to.equal(503);
      await broken.stop();
    });

    it('log lines hold templates and codes, never addresses, bodies or tokens', async () => {
      sample.logged.length = 0;
      const headers = await bearer();
      await api('/notes/private-id?times=7', { headers });
      await api('/notes', post('{"text":"HIV result"}', headers));
      await api('/private-place');
      await until(() => sample.logged.length >= 3);
      const text = sample.logged.join();
      expect(text)
        .to.contain('"route":"/api/v1/notes/{noteId}"')
        .and.to.contain('"code":"VALIDATION"');
      expect(text).to.contain('"route":"unmatched"');
      for (const secret of [
        'private-id',
        'HIV',
        'private-place',
        headers['authorization']?.slice(7) ?? 'none',
      ]) {
        expect(text).to.not.contain(secret);
      }
    });

    it('the reference is plain HTML under a policy that allows its style sheet alone', async () => {
      for (const path of ['/api/docs', '/api/docs/errors']) {
        const response = await fetch(sample.url + path);
        const html = await response.text();
        expect(response.headers.get('content-security-policy')).to.match(
          /default-src 'none'; style-src 'sha256-/,
        );
        expect(html)
          .to.not.contain('<script')
          .and.to.not.match(/(src|href)="http/);
        expect(html).to.contain(
          path === '/api/docs' ? 'DELETE /notes/{noteId}' : 'id="REPORT_DAMAGED"',
        );
      }
    });
  });
});
