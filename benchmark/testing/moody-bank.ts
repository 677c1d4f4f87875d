// A platform that does SmallBank in memory, and may be told to be wrong about it once: what the check has to catch.
import { applyBatch, type BatchStub } from '../chaincodes/batch.js';
import { smallBankOperation } from '../chaincodes/smallbank.js';
import type { Answer, Call, Connection } from '../platforms/index.js';

/** What becomes of a line; the first mood that says something counts. */
export type Mood = 'lose' | 'twice' | undefined;

export class MoodyBank implements Connection {
  readonly state = new Map<string, string>();
  readonly ids: string[] = [];

  /** @param mood loses what a line wrote, or does it twice; the receipt says nothing of it */
  constructor(private readonly mood: (line: string) => Mood = () => undefined) {}

  async call(call: Call): Promise<Answer> {
    if (call.way !== 'ordered') return { status: 'applied', attempts: 1, result: this.#dump() };
    const [answer] = await this.transaction([call.line]);
    if (answer === undefined) throw new RangeError('a transaction of one line has one answer');
    return answer;
  }

  /** Does lines as one transaction. */
  async transaction(lines: readonly string[]): Promise<Answer[]> {
    const transactionId = `t${this.ids.length}`;
    this.ids.push(transactionId);
    const answers: Answer[] = [];
    for (const [position, line] of lines.entries()) {
      const mood = this.mood(line);
      const receipt = await this.#do(line, mood === 'lose');
      if (mood === 'twice') await this.#do(line, false);
      const { status, code } = JSON.parse(receipt) as Pick<Answer, 'status' | 'code'>;
      const place = { block: this.ids.length, transactionId, position };
      answers.push({ status, ...(code !== undefined && { code }), attempts: 1, place });
    }
    return answers;
  }

  order(): Promise<readonly string[]> {
    return Promise.resolve(this.ids);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #do(line: string, lost: boolean): Promise<string> {
    const stub: BatchStub = {
      getState: (key) => Promise.resolve(Buffer.from(this.state.get(key) ?? '')),
      putState: (key, value) => {
        if (!lost) this.state.set(key, Buffer.from(value).toString());
        return Promise.resolve();
      },
      getStateByRange: () => Promise.reject(new Error('SmallBank reads no ranges in transactions')),
    };
    return applyBatch(stub, line, smallBankOperation);
  }

  #dump(): string {
    const balances = Object.fromEntries(
      [...this.state].map(([key, cents]) => [key, Number(cents)]),
    );
    return JSON.stringify({ bookmark: '', balances });
  }
}
