import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { CallError } from '../platforms/index.js';
import { query, sendLines, shortly, withLedger } from '../testing/ledger.js';

const value = (letter: string): string => letter.repeat(100);
const record = (letters: string): string => Array.from(letters, value).join(' ');
const digest = (...records: readonly string[]): string =>
  `${records.length} ${createHash('sha256').update(records.join('\n')).digest('hex')}`;

const ROW = record('abcdefghij');
const TABLE: readonly (readonly [string, string])[] = [
  [`insert user5 ${ROW}`, 'applied'],
  [`insert user5 ${record('kkkkkkkkkk')}`, 'EXISTS'],
  ['read user5', ROW],
  ['read user6', 'NO_RECORD'],
  [`update user5 0 ${value('X')}`, 'applied'],
  [`update user6 0 ${value('X')}`, 'NO_RECORD'],
  ['read user5', record('Xbcdefghij')],
  [`rmw user5 9 ${value('Y')}`, record('Xbcdefghij')],
  [`rmw user6 9 ${value('Y')}`, 'NO_RECORD'],
  ['read user5', record('XbcdefghiY')],
  [`insert user7 ${ROW}`, 'applied'],
  [`insert user60 ${ROW}`, 'applied'],
  // In the order of text: user5, user60, user7.
  ['scan user5 100', digest(`user5 ${record('XbcdefghiY')}`, `user60 ${ROW}`, `user7 ${ROW}`)],
  ['scan user5 2', digest(`user5 ${record('XbcdefghiY')}`, `user60 ${ROW}`)],
  ['scan user6 1', digest(`user60 ${ROW}`)],
  ['scan user8 10', `0 ${createHash('sha256').digest('hex')}`],
  ['scan user5 0', 'BAD_LINE'],
  ['scan user5 1001', 'BAD_LINE'],
  [`update user5 10 ${value('X')}`, 'BAD_LINE'],
  [`update user5 1 ${value('X')}X`, 'BAD_LINE'],
  [`insert user8 ${record('abcdefghi')}`, 'BAD_LINE'],
  [`insert other ${ROW}`, 'BAD_LINE'],
  ['delete user5', 'BAD_LINE'],
];

const lineOf = ([words]: (typeof TABLE)[number], at: number): string => `op${at} ${words}`;

describe('chaincode ycsb', () => {
  for (const batch of [1, 500]) {
    it(`does what its table says, ${batch} at most in a transaction`, async () => {
      await withLedger({ chaincode: 'ycsb', batch }, async (connection) => {
        const answers = await sendLines(connection, TABLE.map(lineOf));
        expect(answers.map(shortly)).to.deep.equal(TABLE.map(([, answered]) => answered));
        const transactions = new Set(answers.map(({ place }) => place?.transactionId));
        expect(transactions.size).to.equal(batch === 1 ? TABLE.length : 1);
      });
    });
  }

  it('is read and scanned by queries, with all fields', async () => {
    await withLedger({ chaincode: 'ycsb' }, async (connection) => {
      await sendLines(connection, [
        `a insert user5 ${ROW}`,
        `b insert user7 ${record('klmnopqrst')}`,
      ]);
      expect(await query(connection, 'read', 'user5')).to.equal(ROW);
      const rows = [`user5 ${ROW}`, `user7 ${record('klmnopqrst')}`];
      expect(await query(connection, 'scan', 'user4', '9')).to.equal(rows.join('\n'));
      expect(await query(connection, 'scan', 'user4', '1')).to.equal(rows[0]);
      const missing = await query(connection, 'read', 'user6').catch((error: unknown) => error);
      expect(missing).to.be.instanceOf(CallError);
    });
  });

  it('counts scans that an insert made a phantom of, and has none of inserts behind what was scanned', async () => {
    await withLedger({ chaincode: 'ycsb', lanes: 8, batch: 1 }, async (connection) => {
      await sendLines(
        connection,
        ['10', '20', '30', '40'].map((n) => `i insert user${n} ${ROW}`),
      );
      // Scans of two records and inserts side by side, in lanes of their own. @returns tries that were in vain
      const sideBySide = async (inserted: string): Promise<number> => {
        const calls = Array.from({ length: 40 }, async (_, at) => {
          const line = at % 2 === 0 ? 's scan user10 2' : `i insert ${inserted}${at} ${ROW}`;
          const call = { kind: 'test', way: 'ordered', line, lane: String(at) } as const;
          try {
            return (await connection.call(call)).attempts - 1;
          } catch (error) {
            if (error instanceof CallError && error.code === 'CONFLICTED') return error.attempts;
            throw error;
          }
        });
        return (await Promise.all(calls)).reduce((sum, tries) => sum + tries, 0);
      };
      expect(await sideBySide('user5')).to.equal(0);
      expect(await connection.conflicts?.(0)).to.deep.equal({});
      const tries = await sideBySide('user1');
      expect(tries).above(0);
      expect(await connection.conflicts?.(0)).to.deep.equal({ PHANTOM_READ_CONFLICT: tries });
    });
  });
});
