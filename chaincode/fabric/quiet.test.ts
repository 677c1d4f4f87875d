// Loading Fabric's libraries must leave the process as it was: its own way to die, and nothing on its stdout.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';

const door = new URL('./index.js', import.meta.url).href;

/** Runs a module's text in a process of its own, after loading the door. */
async function run(text: string, before = ''): Promise<{ stdout: string; code: number }> {
  const module = `${before}\nconst fabric = await import(${JSON.stringify(door)});\n${text}`;
  const { CORE_CHAINCODE_LOGGING_LEVEL: _level, ...env } = process.env;
  try {
    const args = ['--input-type=module', '--eval', module];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 30_000 });
    return { stdout, code: 0 };
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'number')
      return { stdout: '', code: error.code };
    throw error;
  }
}

describe('the door to Fabric', function () {
  this.timeout(60_000);

  it('leaves an uncaught exception and an unhandled rejection to end the process', async () => {
    expect((await run('setTimeout(() => { throw new Error("bug"); });')).code).to.equal(1);
    expect((await run('Promise.reject(new Error("bug"));')).code).to.equal(1);
  });

  it('leaves handlers that were there before', async () => {
    const before = "process.on('uncaughtException', () => console.log('mine'));";
    const after = 'setTimeout(() => { throw new Error("bug"); });';
    expect(await run(after, before)).to.deep.equal({ stdout: 'mine\n', code: 0 });
  });

  it('writes nothing when a contract fails: what it says is in the answer', async () => {
    const failing = `
      class Failing extends fabric.Contract {
        async beforeTransaction() { throw new Error('said once'); }
      }
      fabric.Transaction()(Failing.prototype, 'fail');
      Failing.prototype.fail = async () => undefined;
      const stub = {
        getBufferArgs: () => [Buffer.from('Failing:fail')],
        getFunctionAndParameters: () => ({ fcn: 'Failing:fail', params: [] }),
        getTxID: () => 'tx', getChannelID: () => 'channel', getCreator: () => ({}),
      };
      const { status } = await fabric.routerOf([new Failing()]).Invoke(stub);
      if (status !== 500) process.exit(2);`;
    expect(await run(failing)).to.deep.equal({ stdout: '', code: 0 });
  });
});
