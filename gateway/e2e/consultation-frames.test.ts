// The published schemas of a consultation's frames, and what the gateway itself takes. What it sends is held against them by
// every talker.
import { expect } from 'chai';
import { clientFrameSchema, serverFrameSchema } from '../services/consultations/index.js';
import { publishedFrames } from './published-frames.js';

const user = 'A'.repeat(43);
const operation = '01J0000000000000000000000A';
const id = 'message-1';
const FRAMES: readonly { readonly type: string; readonly [member: string]: unknown }[] = [
  { type: 'join' },
  { type: 'join', after: 3 },
  { type: 'join', after: -1 },
  { type: 'join', after: 1.5 },
  { type: 'leave' },
  { type: 'leave', now: true },
  { type: 'admit', user },
  { type: 'admit', user: 'Maria' },
  { type: 'admit' },
  { type: 'say', id, text: 'Good morning.' },
  { type: 'say', id, text: '' },
  { type: 'say', id: 'short', text: 'Good morning.' },
  { type: 'say-sealed', id, sealed: 'AAAA' },
  { type: 'say-sealed', id, sealed: 'AA==' },
  { type: 'show', id, report: operation },
  { type: 'show', id, report: 'x' },
  { type: 'look', id, report: operation, purpose: 'treatment' },
  { type: 'look', id, report: operation, purpose: 'treatment', actingFor: user },
  { type: 'look', id, report: operation, purpose: 'curiosity' },
  { type: 'anchor', operation: '{}' },
  { type: 'anchor', operation: 'x'.repeat(8193) },
  { type: 'close' },
  { type: 'close', operation: '{}' },
  { type: 'close', operation: 1 },
];

describe('the published frames of a consultation', () => {
  it('are those that a client sends and is sent', () => {
    const typesOf = ({ options }: typeof clientFrameSchema | typeof serverFrameSchema) =>
      options.map(({ shape }) => shape.type.value);
    expect([...publishedFrames('client').keys()]).to.deep.equal(typesOf(clientFrameSchema));
    expect([...publishedFrames('gateway').keys()]).to.deep.equal(typesOf(serverFrameSchema));
  });

  it('take and refuse what the gateway takes and refuses', () => {
    const schemas = publishedFrames('client');
    const verdicts = FRAMES.map((frame) => schemas.get(frame.type)?.(frame));
    expect(verdicts).to.deep.equal(
      FRAMES.map((frame) => clientFrameSchema.safeParse(frame).success),
    );
    expect(verdicts).to.include(true).and.to.include(false);
  });
});
