import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { gatewayErrorRows } from '../errors.js';
import { docsFolder, referencePages } from './index.js';

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
});
