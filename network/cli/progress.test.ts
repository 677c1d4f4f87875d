// The progress line: not at every block, and at the last one in any case.
import { expect } from 'chai';
import { ProgressLine } from './progress.js';

describe('a progress line', () => {
  it('is written ten times a second at most, and always for the last block', () => {
    const written: string[] = [];
    let nowMs = 0;
    const line = new ProgressLine(
      (text) => written.push(text),
      () => nowMs,
    );
    for (let block = 1; block <= 200; block++) {
      nowMs = block * 5;
      line.show({ block, height: 201 });
    }
    expect(written).to.have.length(11);
    expect(written[0]).to.equal('\r\u001b[Kblock 1 of 200 (0 %)');
    expect(written[1]).to.equal('\r\u001b[Kblock 21 of 200 (10 %)');
    expect(written[10]).to.equal('\r\u001b[Kblock 200 of 200 (100 %), comparing the state');
    line.wipe();
    expect(written[11]).to.equal('\r\u001b[K');
  });
});
