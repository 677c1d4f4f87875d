// The chain that a consultation's anchor vouches for.
import { expect } from 'chai';
import fc from 'fast-check';
import { anchoredMessages, chained, NO_HEAD, verifyChain, type Message } from './message-chain.js';

function chainOf(texts: readonly string[]): Message[] {
  let head = NO_HEAD;
  return texts.map((text, index) => {
    const body = { number: index + 1, sender: index % 2 ? 'doctor' : 'patient', at: index, text };
    head = chained(head, body);
    return { ...body, head };
  });
}

const anchorOf = (messages: readonly Message[]) => ({
  count: messages.length,
  head: messages.at(-1)?.head,
});
const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 8 });

describe('message chain', () => {
  it('is the documented hash', () => {
    // printf 'PRMS-chat-v1\0' | cat - <(head -c32 /dev/zero) <(printf '{"at":5,"number":1,"sender":"s","text":"ä"}') | openssl sha256
    const head = chained(NO_HEAD, { number: 1, sender: 's', at: 5, text: 'ä' });
    expect(Buffer.from(head, 'base64url').toString('hex')).to.equal(
      'f6d26dbdeb5f8e57cc5726889e88de3876fc09beb85a2730d9bd135f0c17ebe2',
    );
  });

  it('holds for what was said, and for nothing changed, dropped, added or moved', () => {
    fc.assert(
      fc.property(texts, fc.nat(), fc.string({ minLength: 1 }), (said, where, other) => {
        const chain = chainOf(said);
        const anchor = anchorOf(chain);
        expect(verifyChain(chain, anchor)).to.equal(true);
        const at = where % Math.max(1, chain.length);
        const changed = chain.map((message, index) =>
          index === at ? { ...message, text: message.text + other } : message,
        );
        const forged = chainOf(changed.map(({ text }) => text));
        const wrong = [chain.slice(1), chain.slice(0, -1), changed, forged, chain.toReversed()];
        for (const lie of wrong) {
          const same = JSON.stringify(lie) === JSON.stringify(chain);
          expect(verifyChain(lie, anchor)).to.equal(same);
        }
        expect(verifyChain([...chain, ...chainOf([other])], anchor)).to.equal(false);
      }),
    );
  });

  it('is found among texts that were kept and never anchored', () => {
    fc.assert(
      fc.property(texts, texts, (said, unsaid) => {
        const [chain, strays] = [chainOf(said), chainOf(unsaid)];
        expect(anchoredMessages([...strays, ...chain], anchorOf(chain))).to.deep.equal(chain);
      }),
    );
  });

  it('is not made up when a text is missing or the anchor says something else', () => {
    const chain = chainOf(['one', 'two', 'three']);
    const anchor = anchorOf(chain);
    for (const [index] of chain.entries())
      expect(anchoredMessages(chain.toSpliced(index, 1), anchor)).to.equal(undefined);
    expect(anchoredMessages(chain, { ...anchor, count: 2 })).to.equal(undefined);
    expect(anchoredMessages(chain, { count: 3, head: NO_HEAD })).to.equal(undefined);
    expect(anchoredMessages([], { count: 0 })).to.deep.equal([]);
    expect(anchoredMessages(chain, { count: 0, head: anchor.head })).to.equal(undefined);
  });
});
