import { readFileSync } from 'node:fs';
import { REFUSALS } from '@prms/chaincode/model';
import { expect } from 'chai';
import { gatewayErrorRows } from '../errors.js';
import { docsFolder, referencePages } from './index.js';
import { chaincodeCodes, ledgerCodes } from './lower-codes.js';

describe('generated pages of docs/', () => {
  for (const [name, page] of Object.entries(referencePages)) {
    it(`${name} says what the code says (else: npm run reference -w gateway)`, () => {
      expect(readFileSync(new URL(name, docsFolder), 'utf8')).to.equal(page());
    });
  }

  it('errors.md lists exactly the codes of the type, with their status', () => {
    const listed = [
      ...readFileSync(new URL('errors.md', docsFolder), 'utf8').matchAll(
        /^\| `([A-Z_]+)` +\| (\d{3}) /gm,
      ),
    ];
    expect(listed.map(([, code, status]) => `${code ?? ''} ${status ?? ''}`)).to.deep.equal(
      gatewayErrorRows.map(({ code, status }) => `${code} ${status}`),
    );
  });

  it('errors.md explains every code that the ledger, its host and its chaincode give', () => {
    const page = readFileSync(new URL('errors.md', docsFolder), 'utf8');
    const sections = page.split(/^## /m);
    for (const [title, codes] of [
      ['Refusals of the ledger', REFUSALS],
      ['Errors of a ledger', ledgerCodes],
      ['Errors of the chaincode', chaincodeCodes],
    ] as const) {
      const section = sections.find((text) => text.startsWith(title)) ?? '';
      const rows = [...section.matchAll(/^\| `([A-Z_]+)` +\| (\S.*?) +\|$/gm)];
      const listed = rows.map(([, code, words]) => [code, words]);
      expect(listed, title).to.deep.equal(Object.entries(codes));
    }
  });
});
