// What is read from the kernel, against what this process does itself.
import { createServer, connect } from 'node:net';
import { expect } from 'chai';
import { sentBytes, sentIn } from './network.js';
import { ProcessWatch } from './processes.js';
import { threadProcessorMs } from './thread.js';

function busy(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until) Math.sqrt(until);
}

describe('what the kernel tells', () => {
  it('a thread’s processor time grows with its work, not with its waiting', async () => {
    const before = threadProcessorMs() ?? NaN;
    busy(100);
    const worked = (threadProcessorMs() ?? NaN) - before;
    // A busy machine gives less than the wall says, never more.
    expect(worked).to.be.within(5, 110);
    const idle = threadProcessorMs() ?? NaN;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((threadProcessorMs() ?? NaN) - idle).to.be.below(50);
  });

  it('a process is watched from its beginning to its end, and one that is not there is left out', async () => {
    const watch = await ProcessWatch.begin([
      { name: 'this', pid: process.pid },
      { name: 'nobody', pid: 2 ** 22 + 1 },
    ]);
    busy(300);
    const [use, ...others] = await watch.end();
    expect(others).to.deep.equal([]);
    expect(use?.cores).to.be.within(0.05, 4);
    expect(use?.maxResidentBytes).to.be.within(10e6, 10e9);
    expect(watch.rows.map(({ name }) => name)).to.include('this');
  });

  it('the network’s count grows by what is sent', async () => {
    const before = (await sentBytes()) ?? NaN;
    const bytes = 300_000;
    await new Promise<void>((resolve) => {
      const server = createServer((socket) => socket.resume().on('end', () => server.close()));
      server.on('close', () => {
        resolve();
      });
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        if (address === null || typeof address === 'string') throw new Error('no port');
        connect(address.port, '127.0.0.1').end(Buffer.alloc(bytes));
      });
    });
    expect(((await sentBytes()) ?? NaN) - before).to.be.at.least(bytes);
  });

  it('reads the table of interfaces', () => {
    const table = [
      'Inter-|   Receive                                                |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs',
      '    lo: 100 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0',
      '  eth0: 7 1 0 0 0 0 0 0 3 1 0 0 0 0 0 0',
      '',
    ];
    expect(sentIn(table.join('\n'))).to.equal(203);
  });
});
