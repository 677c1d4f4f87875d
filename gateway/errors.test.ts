import { expect } from 'chai';
import { z } from 'zod';
import { GatewayError, gatewayErrorRows, toProblem, validationError } from './errors.js';

describe('errors', () => {
  it('give every code its status, and a problem document of RFC 9457', () => {
    for (const row of gatewayErrorRows) {
      const error = new GatewayError(row.code, 'What happened.', { ids: { report: 'r1' } });
      expect(error.status).to.equal(row.status).and.to.be.within(400, 504);
      const problem = toProblem(error, 'q1');
      expect(problem).to.include({ code: row.code, status: row.status, title: row.title });
      expect(problem.type).to.equal(`/api/docs/errors#${row.code}`);
      expect(problem.instance).to.equal('urn:prms:request:q1');
    }
  });

  it('keep the inside of a 500 inside', () => {
    const problem = toProblem(
      new GatewayError('INTERNAL', 'secret path', { ids: { file: 'x' } }),
      'q1',
    );
    expect(JSON.stringify(problem)).to.not.contain('secret path').and.to.not.contain('file');
  });

  it('carry reason, limit and ids', () => {
    const refused = new GatewayError('REFUSED', 'No consent.', {
      reason: 'NO_CONSENT',
      ids: { report: 'r' },
    });
    expect(toProblem(refused, 'q')).to.deep.include({ reason: 'NO_CONSENT', ids: { report: 'r' } });
    const large = new GatewayError('TOO_LARGE', 'Too large.', { limitBytes: 5 });
    expect(toProblem(large, 'q').limitBytes).to.equal(5);
  });

  it('name each field that does not fit', () => {
    const result = z
      .object({ tags: z.array(z.string()), n: z.int() })
      .safeParse({ tags: ['a', 1], n: 1.5 });
    if (result.success) throw new Error('accepted');
    const error = validationError('body', result.error);
    expect(error.code).to.equal('VALIDATION');
    expect(error.options.fields?.map((field) => field.path)).to.deep.equal([
      'body.tags.1',
      'body.n',
    ]);
  });
});
