// Every route, whatever it does: documented, strict about its input. Who may call it: gateway/e2e/matrix/.
import { expect } from 'chai';
import { z } from 'zod';
import { API_ROOT } from '../base/index.js';
import { routes } from './index.js';
import { openPractice, TestApi } from './testing-api.js';

/** An id of each kind that is well-formed and nobody's. */
const SAMPLE_ID = '01J0000000000000000000000A';
const SAMPLE_USER = 'A'.repeat(43);

function sample(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    if (name === 'part') return '0';
    if (name === 'code') return 'A'.repeat(22);
    if (name === 'ticket') return SAMPLE_USER;
    const user =
      ['patient', 'doctor'].includes(name) || /^\/(hospitals|doctors|users|services)\//.test(path);
    return user && name !== 'proposal' && !(name === 'id' && path.startsWith('/patients'))
      ? SAMPLE_USER
      : SAMPLE_ID;
  });
}

describe('gateway routes', () => {
  let api: TestApi;
  before(async () => (api = await TestApi.start('routes')));
  after(() => api.close());

  it('are all in the OpenAPI document that the gateway serves, and nothing else is', async () => {
    const response = await fetch(`${api.url}${API_ROOT}/openapi.json`);
    const served = z
      .object({
        openapi: z.string(),
        paths: z.record(z.string(), z.record(z.string(), z.unknown())),
      })
      .parse(await response.json());
    const documented = Object.entries(served.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const mounted = routes.map(({ method, path }) => `${method} ${path}`);
    expect(served.openapi).to.equal('3.1.0');
    expect(documented.sort()).to.deep.equal(mounted.sort());
    expect(mounted.length).to.be.greaterThan(60);
  });

  it('say which methods there are when asked by another, also where a word stands in a parameter’s place', async () => {
    for (const path of new Set(routes.map((route) => route.path))) {
      const there = routes.filter((route) => route.path === path).map(({ method }) => method);
      for (const method of (['get', 'post', 'put', 'patch', 'delete'] as const).filter(
        (each) => !there.includes(each),
      )) {
        const response = await fetch(api.url + API_ROOT + sample(path), {
          method: method.toUpperCase(),
        });
        expect(response.status, `${method} ${path}`).to.equal(405);
        const allowed = response.headers.get('allow')?.toLowerCase().split(', ');
        expect(allowed?.sort(), `${method} ${path}`).to.deep.equal(there.sort());
      }
    }
  });

  it('meet ids that are no ids, and bodies that nobody asked for, with a problem of the caller’s', async () => {
    const { hospital, doctor, patient } = await openPractice(api);
    const relative = await api.visitor('lena').register('relative', { details: { name: 'Lena' } });
    const everybody = [hospital, doctor, patient, relative];
    const sessionRoutes = routes.filter(({ auth, path }) => {
      // These end the visitor's own session.
      return auth === 'session' && !path.startsWith('/sessions');
    });
    for (const visitor of everybody) {
      for (const { method, path, params, body } of sessionRoutes) {
        const verb = method.toUpperCase();
        const place = `${visitor.login}: ${verb} ${path}`;
        if (params !== undefined) {
          const code = await visitor.fails(verb, path.replaceAll(/\{\w+\}/g, 'x.y'));
          expect(code, place).to.be.oneOf(['VALIDATION', 'FORBIDDEN']);
        }
        if (body !== undefined) {
          const code = await visitor.fails(verb, sample(path), { surprise: true });
          expect(code, place).to.be.oneOf(['VALIDATION', 'FORBIDDEN']);
        }
      }
    }
  });

  it('for systems open to no session, and to nobody without a token', async () => {
    const forSystems = routes.filter(({ auth }) => auth === 'service');
    expect(forSystems.length).to.be.greaterThan(1);
    const people = [await api.visitor('north').logIn(), await api.visitor('maria').logIn()];
    for (const visitor of [api.visitor('stranger'), ...people]) {
      for (const { method, path } of forSystems) {
        const body = method === 'get' ? undefined : {};
        const { status } = await visitor.ask(method.toUpperCase(), sample(path), body);
        expect(status, `${visitor.login}: ${method} ${path}`).to.equal(401);
      }
    }
  });

  it('meet well-formed ids that are nobody’s without failing inside', async () => {
    const visitors = [api.visitor('north'), api.visitor('adeyemi'), api.visitor('maria')];
    const harmless = routes.filter(({ method, auth }) => method === 'get' && auth === 'session');
    for (const visitor of visitors) {
      await visitor.logIn();
      for (const { path } of harmless) {
        const { status } = await visitor.ask('GET', sample(path));
        expect(status, `${visitor.login}: ${path}`).to.be.lessThan(500);
      }
    }
  });
});
