import { request as httpRequest } from 'node:http';
import { expect } from 'chai';
import express from 'express';
import { z } from 'zod';
import { GatewayError, PROBLEM_TYPE, toProblem, type GatewayErrorCode } from '../../errors.js';
import { failure } from '../../testing/index.js';
import { answerChecker } from './conformance/index.js';
import { json, listen, openApiDocument, routeDefiner } from './index.js';
import { startSample } from './testing-app.js';
import type { SampleServer } from './testing-app.js';

const readJson = async (response: Response): Promise<unknown> => {
  const body: unknown = await response.json();
  return body;
};
const until = async (condition: () => boolean): Promise<void> => {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries > 400) throw new Error('it never happened');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe('HTTP base: description and life', () => {
  let sample: SampleServer;
  before(async () => {
    sample = await startSample();
  });
  after(() => sample.stop());

  const api = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`${sample.url}/api/v1${path}`, init);
  const post = (body: string, headers: Record<string, string> = {}): RequestInit => ({
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  const bearer = async (): Promise<Record<string, string>> => ({
    authorization: `Bearer ${(await sample.token('patient', 'bearer')).token}`,
  });

  describe('OpenAPI', () => {
    it('is served, and says of each route what the route says', async () => {
      const served = await readJson(await api('/openapi.json'));
      expect(served).to.deep.equal(JSON.parse(JSON.stringify(sample.document)));
      expect(sample.document.openapi).to.equal('3.1.0');
      const operation = sample.document.paths?.['/notes/{noteId}']?.delete;
      expect(operation?.operationId).to.equal('deleteNotesByNoteId');
      expect(operation?.security).to.deep.equal([{ bearer: [] }, { session: [], csrf: [] }]);
      expect(operation?.description).to.contain('doctor');
    });

    it('fits the real answers', async () => {
      const check = answerChecker(sample.document);
      const headers = await bearer();
      const calls: [string, string, RequestInit][] = [
        ['GET', '/notes/a', {}],
        ['GET', '/notes/none', {}],
        ['GET', '/notes/a?times=x', {}],
        ['POST', '/notes', post('{"text":"x"}', headers)],
        ['POST', '/notes', post('{"text":"nothing"}', headers)],
        ['POST', '/notes', post('{', headers)],
        ['GET', '/streams/whole', {}],
      ];
      for (const [method, path, init] of calls) {
        const response = await api(path, { ...init, method });
        const contentType = response.headers.get('content-type');
        const body =
          contentType?.includes('json') === true ? await readJson(response) : await response.text();
        check({
          method,
          path: path.split('?')[0] ?? '',
          status: response.status,
          contentType,
          body,
        });
      }
    });

    it('has a checker that sees an answer which does not fit', () => {
      const check = answerChecker(sample.document);
      const good = {
        method: 'get',
        path: '/notes/a',
        status: 200,
        contentType: 'application/json',
        body: { id: 'a', text: 't' },
      };
      check(good);
      const bad = [
        { ...good, path: '/elsewhere' },
        { ...good, method: 'put' },
        { ...good, status: 206 },
        { ...good, contentType: 'text/html' },
        { ...good, body: { id: 1, text: 't' } },
        {
          ...good,
          status: 404,
          contentType: 'application/problem+json',
          body: { code: 'NO_SUCH_CODE' },
        },
        { ...good, method: 'post', path: '/notes', status: 204, body: 'x' },
      ];
      for (const one of bad) expect(() => check(one), JSON.stringify(one)).to.throw(Error);
    });

    it('names each route’s refusals by status, with their codes; any other status is undocumented', () => {
      const answers = (path: string, method: 'get' | 'post' | 'delete') =>
        sample.document.paths?.[path]?.[method]?.responses ?? {};
      for (const [path, methods] of Object.entries(sample.document.paths ?? {}))
        for (const method of ['get', 'post', 'delete'] as const)
          expect(methods[method]?.responses ?? {}, path).to.not.have.property('default');
      expect(answers('/notes/{noteId}', 'get')).to.include.keys('400', '404', '422', '503');
      expect(answers('/notes/{noteId}', 'get')).to.not.have.any.keys('403', '409', '410', '413');
      expect(answers('/notes', 'post')).to.include.keys('403', '409', '413', '415');
      expect(JSON.stringify(answers('/notes', 'post'))).to.contain('`UNSUPPORTED_MEDIA`: ');

      const route = {
        method: 'get',
        path: '/thing',
        summary: 'A thing',
        tags: ['things'],
        auth: 'none',
        responses: { 200: json(z.object({}), 'The thing.') },
        handler: () => Promise.resolve({ status: 200 as const, body: {} }),
      } as const;
      const info = { title: 'things', version: '1' };
      const checkerOf = (refusals: readonly GatewayErrorCode[]) =>
        answerChecker(openApiDocument([routeDefiner<null>()({ ...route, refusals })], info));
      const body = toProblem(new GatewayError('GONE', 'It is gone.'), 'id');
      const gone = { method: 'get', path: '/thing', status: 410, contentType: PROBLEM_TYPE, body };
      expect(() => checkerOf(['GONE'])(gone)).to.not.throw();
      expect(() => checkerOf([])(gone)).to.throw('not documented');
    });

    it('has a checker that looks into formats, too', () => {
      const day = routeDefiner<null>()({
        method: 'get',
        path: '/day',
        summary: 'A day',
        tags: ['days'],
        auth: 'none',
        responses: { 200: json(z.object({ day: z.iso.date() }), 'The day.') },
        handler: () => Promise.resolve({ status: 200 as const, body: { day: '2024-02-29' } }),
      });
      const check = answerChecker(openApiDocument([day], { title: 'days', version: '1' }));
      const answer = (day: string) => () =>
        check({
          method: 'get',
          path: '/day',
          status: 200,
          contentType: 'application/json',
          body: { day },
        });
      expect(answer('2024-02-29')).to.not.throw();
      expect(answer('2023-02-29')).to.throw('format "date"');
    });
  });

  it('turns away more requests than may be worked on at once, says when to come again, and stays alive', async () => {
    const own = await startSample({ maxRequestsAtOnce: 2 });
    const slow = () => fetch(`${own.url}/api/v1/slow`);
    const first = [slow(), slow()];
    await until(() => own.seen.filter((what) => what === 'begun').length === 2);
    const third = await slow();
    expect([third.status, third.headers.get('retry-after')]).to.deep.equal([503, '1']);
    expect(await readJson(third)).to.include({ code: 'BUSY' });
    expect((await fetch(`${own.url}/healthz`)).status).to.equal(200);
    own.release();
    for (const answer of first) expect((await answer).status).to.equal(200);
    expect((await slow()).status).to.equal(200);
    await own.stop();
  });

  describe('starting and stopping', () => {
    it('says so when the port is taken', async () => {
      const error = await failure(GatewayError, () =>
        listen(express(), {
          host: '127.0.0.1',
          port: sample.port,
          longestRequestMs: 1000,
          headersTimeoutMs: 1000,
          keepAliveTimeoutMs: 1000,
          maxHeaderBytes: 16_384,
          maxHeaders: 100,
        }),
      );
      expect(error.code).to.equal('CONFIG');
    });

    it('lets a request in flight finish, refuses new ones, and ends idle connections', async () => {
      const own = await startSample();
      const answer = fetch(`${own.url}/api/v1/slow`);
      await until(() => own.seen.includes('begun'));
      const stopped = own.stop(2000);
      const refused = await fetch(`${own.url}/healthz`).then(
        () => 'answered',
        () => 'refused',
      );
      own.release();
      expect(await readJson(await answer)).to.deep.equal({ done: true });
      expect([refused, await stopped]).to.deep.equal(['refused', true]);
    });

    it('cuts what does not finish in the time of grace', async () => {
      const own = await startSample();
      const request = httpRequest(`${own.url}/api/v1/streams/endless`).end();
      const ended = new Promise((resolve) => request.once('close', resolve));
      request.on('error', () => undefined);
      request.on('response', (response) => response.on('error', () => undefined).resume());
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await own.stop(50)).to.equal(false);
      await ended;
    });
  });
});
