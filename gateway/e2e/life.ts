// One life of a gateway in a process of its own.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { z } from 'zod';
import { QUICK } from './world.js';

const toldUrl = z.tuple([z.object({ url: z.string() })]).rest(z.unknown());
const toldMemory = z
  .tuple([z.object({ heapBytes: z.number(), residentBytes: z.number() })])
  .rest(z.unknown());

export class Life {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  static async begin(dataDir: string, env: Readonly<Record<string, string>> = {}): Promise<Life> {
    const child = fork(new URL('gateway.child.js', import.meta.url), {
      env: { ...process.env, ...QUICK, PRMS_DATA: dataDir, ...env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('died at its birth')));
    ended.catch(() => undefined);
    const [{ url }] = toldUrl.parse(await Promise.race([once(child, 'message'), ended]));
    return new Life(url, child);
  }

  /** From now on its ledger hangs, takes two seconds for each transaction, or works as usual. */
  async ledger(mood: 'hangs' | 'slow' | 'works'): Promise<void> {
    this.child.send(mood);
    await once(this.child, 'message');
  }

  /** What it holds once everything that nobody needs is collected. */
  async memory(): Promise<{ heapBytes: number; residentBytes: number }> {
    this.child.send('memory');
    return toldMemory.parse(await once(this.child, 'message'))[0];
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }
}
