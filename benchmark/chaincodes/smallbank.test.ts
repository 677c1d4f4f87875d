import { expect } from 'chai';
import { query, sendLines, shortly, withLedger } from '../testing/ledger.js';
import { CallError } from '../platforms/index.js';

/** A line, how it is answered, and what customers 1 and 2 have then: savings and checking each. */
const TABLE: readonly (readonly [string, string, string])[] = [
  ['create 1 1000 300', 'applied', '1000 300'],
  ['create 1 5 5', 'EXISTS', '1000 300'],
  ['create 2 2000 50', 'applied', '1000 300 2000 50'],
  ['balance 1', '1300', '1000 300 2000 50'],
  ['balance 3', 'NO_ACCOUNT', '1000 300 2000 50'],
  ['deposit-checking 1 130', 'applied', '1000 430 2000 50'],
  ['deposit-checking 3 130', 'NO_ACCOUNT', '1000 430 2000 50'],
  ['deposit-checking 1 -130', 'BAD_LINE', '1000 430 2000 50'],
  ['transact-savings 2 2020', 'applied', '1000 430 4020 50'],
  ['transact-savings 2 -2020', 'applied', '1000 430 2000 50'],
  ['transact-savings 2 -2000', 'applied', '1000 430 0 50'],
  ['transact-savings 2 -1', 'INSUFFICIENT_FUNDS', '1000 430 0 50'],
  ['send-payment 1 2 400', 'applied', '1000 30 0 450'],
  ['send-payment 1 2 31', 'INSUFFICIENT_FUNDS', '1000 30 0 450'],
  ['send-payment 1 1 5', 'SAME_ACCOUNT', '1000 30 0 450'],
  ['send-payment 1 3 5', 'NO_ACCOUNT', '1000 30 0 450'],
  ['send-payment 1 2 30', 'applied', '1000 0 0 480'],
  // Covered by savings: no penalty, and checking is overdrawn.
  ['write-check 1 500', 'applied', '1000 -500 0 480'],
  ['write-check 1 500', 'applied', '1000 -1000 0 480'],
  ['write-check 1 500', 'applied', '1000 -1600 0 480'],
  ['write-check 2 480', 'applied', '1000 -1600 0 0'],
  ['write-check 3 480', 'NO_ACCOUNT', '1000 -1600 0 0'],
  ['deposit-checking 2 75', 'applied', '1000 -1600 0 75'],
  ['amalgamate 1 2', 'applied', '0 0 0 -525'],
  ['amalgamate 2 2', 'SAME_ACCOUNT', '0 0 0 -525'],
  ['amalgamate 2 3', 'NO_ACCOUNT', '0 0 0 -525'],
  ['amalgamate 2 1', 'applied', '0 -525 0 0'],
  ['balance 1 ', '-525', '0 -525 0 0'],
  ['burn 1', 'BAD_LINE', '0 -525 0 0'],
  ['balance x', 'BAD_LINE', '0 -525 0 0'],
  ['deposit-checking 1', 'BAD_LINE', '0 -525 0 0'],
];

const lineOf = ([words]: (typeof TABLE)[number], at: number): string => `op${at} ${words}`;

describe('chaincode smallbank', () => {
  it('does what its table says, one operation a transaction', async () => {
    await withLedger({ chaincode: 'smallbank', batch: 1 }, async (connection) => {
      for (const [at, row] of TABLE.entries()) {
        const [answer] = await sendLines(connection, [lineOf(row, at)]);
        expect([row[0], answer && shortly(answer), await balances()]).to.deep.equal([...row]);
      }

      async function balances(): Promise<string> {
        const page = JSON.parse(await query(connection, 'balances', '10', '')) as {
          balances: Record<string, number>;
        };
        const { balances: all } = page;
        const of = (customer: number): (number | undefined)[] => [
          all[`savings/000000${customer}`],
          all[`checking/000000${customer}`],
        ];
        return [...of(1), ...of(2)].filter((cents) => cents !== undefined).join(' ');
      }
    });
  });

  it('gives the same receipts when all of them share one transaction', async () => {
    await withLedger({ chaincode: 'smallbank' }, async (connection) => {
      const answers = await sendLines(connection, TABLE.map(lineOf));
      expect(answers.map(shortly)).to.deep.equal(TABLE.map(([, answered]) => answered));
      expect(new Set(answers.map(({ place }) => place?.transactionId)).size).to.equal(1);
      expect(answers.map(({ place }) => place?.position)).to.deep.equal(TABLE.map((_, at) => at));
      expect(await query(connection, 'balance', '1')).to.equal('-525');
    });
  });

  it('pages all balances, each once', async () => {
    await withLedger({ chaincode: 'smallbank' }, async (connection) => {
      const customers = Array.from({ length: 25 }, (_, at) => at);
      await sendLines(
        connection,
        customers.map((customer) => `c create ${customer} ${customer} ${1000 + customer}`),
      );
      const all: [string, number][] = [];
      let bookmark = '';
      let pages = 0;
      do {
        const page = JSON.parse(await query(connection, 'balances', '7', bookmark)) as {
          bookmark: string;
          balances: Record<string, number>;
        };
        all.push(...Object.entries(page.balances));
        bookmark = page.bookmark;
        pages++;
      } while (bookmark !== '');
      expect(pages).to.equal(8);
      expect(all).to.have.lengthOf(50);
      for (const customer of customers) {
        const number = String(customer).padStart(7, '0');
        expect(all).to.deep.include([`savings/${number}`, customer]);
        expect(all).to.deep.include([`checking/${number}`, 1000 + customer]);
      }
    });
  });

  it('has no balance of nobody', async () => {
    await withLedger({ chaincode: 'smallbank' }, async (connection) => {
      const asked = await query(connection, 'balance', '1').catch((error: unknown) => error);
      expect(asked).to.be.instanceOf(CallError);
    });
  });
});
