import { expect } from 'chai';
import { applyBatch, type BatchStub, type Operation, Refusal } from './batch.js';

/** A stub over a map that answers reads only once all of a batch have been asked for. */
class PatientStub implements BatchStub {
  readonly state = new Map<string, string>([['a', '1']]);
  readonly puts: string[] = [];
  readonly gets: string[] = [];

  async getState(key: string): Promise<Uint8Array> {
    this.gets.push(key);
    await new Promise((resolve) => setImmediate(resolve));
    expect(this.gets).to.deep.equal(['a', 'b', 'c']);
    return Buffer.from(this.state.get(key) ?? '');
  }

  putState(key: string, value: Uint8Array): Promise<void> {
    this.puts.push(`${key}=${Buffer.from(value).toString()}`);
    return Promise.resolve();
  }

  getStateByRange(): Promise<never> {
    return Promise.reject(new Error('no ranges here'));
  }
}

/** `put <key> <value>`, and `spoil <key> <value>`, which puts and is then refused. */
function read(kind: string, [key = '', value = '']: readonly string[]): Operation {
  if (kind === 'choke') return { keys: [key], run: () => Promise.reject(new Error('choked')) };
  if (kind !== 'put' && kind !== 'spoil') throw new Refusal('BAD_LINE');
  return {
    keys: [key],
    run: (state) => {
      const before = state.get(key) ?? 'nothing';
      state.put(key, value);
      if (kind === 'spoil') throw new Refusal('SPOILT');
      return before;
    },
  };
}

describe('a batch of lines', () => {
  it('reads all keys at once and each once, shows writes to later operations, undoes what is refused', async () => {
    const stub = new PatientStub();
    const lines = [
      '1 put a 2',
      '2 spoil a 3',
      '3 put b 4',
      '4 spoil c 5',
      '5 what a',
      '6 put a 6',
      '7 put b 7',
    ];
    const receipts = await applyBatch(stub, lines.join('\n'), read);
    expect(receipts.split('\n')).to.deep.equal([
      '{"id":"1","status":"applied","result":"1"}',
      '{"id":"2","status":"refused","code":"SPOILT"}',
      '{"id":"3","status":"applied","result":"nothing"}',
      '{"id":"4","status":"refused","code":"SPOILT"}',
      '{"id":"5","status":"refused","code":"BAD_LINE"}',
      '{"id":"6","status":"applied","result":"2"}',
      '{"id":"7","status":"applied","result":"4"}',
    ]);
    // Each key once, in key order; nothing of what was refused.
    expect(stub.puts).to.deep.equal(['a=6', 'b=7']);
  });

  it('fails whole, and writes nothing, when an operation fails for no reason of its own', async () => {
    const stub = new PatientStub();
    const failed = await applyBatch(stub, '1 put a 2\n2 put b 3\n3 choke c', read).catch(String);
    expect(failed).to.equal('Error: choked');
    expect(stub.puts).to.deep.equal([]);
  });
});
