// A process of the bench: started, asked one thing at a time, ended.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

export class Child {
  private constructor(private readonly child: ChildProcess) {}

  /** @param file beside this one, without its ending */
  static start(
    file: string,
    env: Readonly<Record<string, string>> = {},
    execArgv: readonly string[] = [],
  ): Child {
    return new Child(
      fork(new URL(`${file}.js`, import.meta.url), {
        env: { ...process.env, ...env },
        execArgv: [...execArgv],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      }),
    );
  }

  /** What it says next. */
  async told(): Promise<unknown> {
    const ended = new AbortController();
    const died = once(this.child, 'exit', { signal: ended.signal }).then(() => {
      throw new Error('a process of the bench died');
    });
    died.catch(() => undefined);
    const [message] = (await Promise.race([once(this.child, 'message'), died])) as [unknown];
    ended.abort();
    return message;
  }

  ask(wish: object | string): Promise<unknown> {
    const answer = this.told();
    this.child.send(wish);
    return answer;
  }

  /** Asks it to end, and waits. */
  async end(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.send('close');
    await exit;
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}
