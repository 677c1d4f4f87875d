// Bodies of lines that are no operations: a request ends after so many, and however many there are, everybody else has
// their turn meanwhile.
import { expect } from 'chai';
import { z } from 'zod';
import { openPractice, TestApi, type Visitor } from './testing-api.js';
import { Signer } from './testing-operations.js';

const receiptsSchema = z.array(
  z.looseObject({ line: z.int(), status: z.string(), code: z.string().optional() }),
);

describe('lines that are no operations', function () {
  this.timeout(60_000);

  describe('when there are too many', () => {
    const MOST = 50;
    let api: TestApi;
    let patient: Visitor;
    let maria: Signer;

    before(async () => {
      api = await TestApi.start('junk', { PRMS_BULK_JUNK_LINES: String(MOST) });
      patient = (await openPractice(api)).patient;
      maria = await Signer.of(api.gateway, patient, () => api.clock.now());
    });
    after(() => api.close());

    const told = async (body: string) => {
      const receipts = await patient.post('/operations', body, receiptsSchema);
      return receipts.toSorted((a, b) => a.line - b.line);
    };

    it('no more of the request is read, it says so, and what was taken before has its receipt', async () => {
      const receipts = await told(`${maria.access().line}\n${'x\n'.repeat(1_000_000)}`);
      expect(receipts[0]).to.include({ line: 1, status: 'applied' });
      expect(receipts[1]).to.include({ line: 2, status: 'invalid', code: 'BAD_REQUEST' });
      expect(receipts.at(-1)).to.include({ status: 'invalid', code: 'TOO_MANY' });
      expect(receipts.filter(({ code }) => code === 'TOO_MANY')).to.have.length(1);
      // Lines are judged while the next ones are read.
      expect(receipts.length).to.be.within(MOST + 2, MOST + 20);
    });

    it('empty ones count, and as many as are allowed do no harm', async () => {
      const empty = await told('\r\n\n'.repeat(MOST));
      expect(empty.map(({ line, code }) => [line, code])).to.deep.equal([[MOST + 1, 'TOO_MANY']]);
      const { line } = maria.access();
      const allowed = await told(`${'\n'.repeat(MOST - 1)}${line}\n\n`);
      expect(allowed.map(({ status }) => status)).to.deep.equal(['applied']);
      const operations = Array.from({ length: 2 * MOST }, () => `${maria.access().line}\n`);
      expect(await told(operations.join(''))).to.have.length(2 * MOST);
    });
  });

  it('leave everybody else their turn', async () => {
    const api = await TestApi.start('junk', { PRMS_BULK_JUNK_LINES: '1000000' });
    const sending = new AbortController();
    const { patient } = await openPractice(api);
    const headers = {
      authorization: `Bearer ${patient.token}`,
      'content-type': 'application/x-ndjson',
    };
    const send = async (): Promise<void> => {
      const body = 'x\n'.repeat(200_000);
      const { signal } = sending;
      const answer = await fetch(`${api.url}/api/v1/operations`, {
        method: 'POST',
        headers,
        body,
        signal,
      });
      for await (const _ of answer.body ?? []) if (signal.aborted) return;
    };
    try {
      const sent = Array.from({ length: 8 }, () => send().catch(() => undefined));
      const waitsMs: number[] = [];
      const begun = performance.now();
      while (waitsMs.length < 20 && performance.now() - begun < 20_000) {
        const asked = performance.now();
        expect((await fetch(`${api.url}/healthz`)).status).to.equal(200);
        waitsMs.push(performance.now() - asked);
      }
      sending.abort();
      await Promise.all(sent);
      const median = waitsMs.toSorted((a, b) => a - b)[Math.floor(waitsMs.length / 2)];
      expect(median, waitsMs.map(Math.round).join()).to.be.lessThan(500);
    } finally {
      sending.abort();
      await api.close();
    }
  });
});
