// Canonical JSON, ids, and the line form of operations.

import { expect } from 'chai';
import fc from 'fast-check';
import { ChaincodeError } from '../errors.js';
import { Person } from '../testkit/index.js';
import {
  canonicalise,
  digestSchema,
  instantOf,
  MAX_OPERATION_BYTES,
  monthOf,
  newestFirst,
  operationBytes,
  operationId,
  operationIdSchema,
  operationLine,
  publicKeySchema,
  readOperationLine,
  type Json,
} from './index.js';

const refused = (value: unknown) => {
  expect(() => canonicalise(value))
    .to.throw(ChaincodeError)
    .with.property('code', 'NOT_CANONICAL');
};

describe('model: canonical JSON', () => {
  it('sorts members by UTF-16 code units (RFC 8785 §3.2.3)', () => {
    const value = { '€': 1, '\r': 2, '\ufb33': 3, '1': 4, '😀': 5, '\u0080': 6, ö: 7 };
    expect(canonicalise(value)).to.equal(
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
    );
  });

  it('writes strings as ECMAScript does (RFC 8785 §3.2.2.2)', () => {
    expect(canonicalise('€$\u000f\nA\'B"\\\\"/')).to.equal('"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"');
    expect(canonicalise('\u2028')).to.equal('"\u2028"');
  });

  it('writes literals, nesting and no white space', () => {
    const value = { b: [true, false, null, {}], a: [], n: -7 };
    expect(canonicalise(value)).to.equal('{"a":[],"b":[true,false,null,{}],"n":-7}');
    expect(canonicalise(-0), 'ES6 §7.1.12.1: "0"').to.equal('0');
    expect(canonicalise(Number.MAX_SAFE_INTEGER)).to.equal('9007199254740991');
  });

  it('leaves members that are undefined out, as JSON.stringify does', () => {
    expect(canonicalise({ a: undefined, b: 1 })).to.equal('{"b":1}');
  });

  const others: readonly (readonly [string, unknown])[] = [
    ['a fraction', 0.5],
    ['an unsafe integer', 2 ** 53],
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate in a name', { '\udc00': 1 }],
    ['undefined', undefined],
    ['undefined in an array', [undefined]],
    ['a hole in an array', Object.assign([], { length: 1 })],
    ['a bigint', 1n],
    ['a symbol', Symbol('s')],
    ['a function', () => 1],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['a class instance', new Person()],
    ['bytes', Buffer.of(1)],
    ['a member named __proto__', JSON.parse('{"__proto__":1}')],
  ];
  for (const [name, value] of others) {
    it(`refuses ${name}`, () => {
      refused(value);
      refused([{ deep: value === undefined ? [value] : value }]);
    });
  }

  it('refuses nesting so deep that stacks decide', () => {
    const nest = (depth: number): Json => (depth === 0 ? 1 : [nest(depth - 1)]);
    expect(canonicalise(nest(64))).to.have.length(129);
    refused(nest(65));
    const deep = '['.repeat(20_000) + ']'.repeat(20_000);
    expect(readOperationLine(operationLine(deep, 'A'.repeat(86)))).to.equal(null);
  });

  const arbJson: fc.Arbitrary<Json> = fc.letrec<{ json: Json }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.maxSafeInteger().map((n) => (Object.is(n, -0) ? 0 : n)),
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('json'), { maxLength: 4 }),
      fc.dictionary(
        fc.string({ unit: 'grapheme' }).filter((name) => name !== '__proto__'),
        tie('json'),
        {
          maxKeys: 4,
          noNullPrototype: true,
        },
      ),
    ),
  })).json;

  it('canonicalise ∘ parse is the identity on canonical texts, and no value is lost', () => {
    fc.assert(
      fc.property(arbJson, (value) => {
        const text = canonicalise(value);
        const parsed: unknown = JSON.parse(text);
        expect(parsed).to.deep.equal(value);
        expect(canonicalise(parsed)).to.equal(text);
      }),
      { numRuns: 500 },
    );
  });
});

describe('model: ids', () => {
  const arbInstant = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  const arbRandom = fc.uint8Array({ minLength: 10, maxLength: 10 });

  it('a ULID carries its time, and sorts by it', () => {
    expect(operationId(1469918176385, Buffer.alloc(10))).to.equal('01ARYZ6S410000000000000000');
    fc.assert(
      fc.property(arbInstant, arbInstant, arbRandom, (a, b, random) => {
        const [first, second] = [operationId(a, random), operationId(b, random)];
        expect(operationIdSchema.safeParse(first).success).to.equal(true);
        expect(instantOf(first)).to.equal(a);
        expect(Math.sign(a - b)).to.equal(first < second ? -1 : first > second ? 1 : 0);
      }),
    );
    expect(() => operationId(2 ** 48, Buffer.alloc(10))).to.throw(RangeError);
    expect(() => operationId(0.5, Buffer.alloc(10))).to.throw(RangeError);
    expect(() => operationId(0, Buffer.alloc(9))).to.throw(RangeError);
  });

  it('newestFirst is its own inverse and turns the order round', () => {
    fc.assert(
      fc.property(arbInstant, arbRandom, arbInstant, arbRandom, (a, x, b, y) => {
        const [first, second] = [operationId(a, x), operationId(b, y)];
        expect(newestFirst(newestFirst(first))).to.equal(first);
        if (first !== second)
          expect(newestFirst(first) < newestFirst(second)).to.equal(first > second);
      }),
    );
  });

  it('digests and keys have one spelling each', () => {
    const flipped = (text: string, last: string) => text.slice(0, -1) + last;
    const { id, keys } = new Person();
    expect(digestSchema.safeParse(id).success).to.equal(true);
    expect(digestSchema.safeParse(flipped(id, 'B')).success).to.equal(false);
    expect(publicKeySchema.safeParse(keys.sign).success).to.equal(true);
    expect(publicKeySchema.safeParse(flipped(keys.sign, 'B')).success).to.equal(false);
    const otherForm = `BQ${keys.sign.slice(2)}`;
    expect(publicKeySchema.safeParse(otherForm).success, 'first byte not 4').to.equal(false);
    expect(monthOf(Date.UTC(2026, 10, 30))).to.equal('2026-11');
  });
});

describe('model: operation lines', () => {
  const who = new Person();
  const envelope = who.envelope('affiliation:request', { hospital: who.id }, 1_800_000_000_000);
  const bytes = operationBytes(envelope);
  const line = who.seal(envelope);
  const signature = line.slice(-88, -2);
  const rewritten = (text: string) => operationLine(text, signature);

  it('are read back to the very bytes', () => {
    expect(readOperationLine(line)).to.deep.equal({ envelope, bytes, signature });
    expect(JSON.parse(line)).to.deep.equal({ operation: envelope, signature });
  });

  const wrong: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['white space in the bytes', rewritten(bytes.replace(':', ': '))],
    ['members in another order', rewritten(`{"v":1,${bytes.slice(1, -7)}}`)],
    ['an escape that need not be', rewritten(bytes.replace('records', '\\u0072ecords'))],
    ['a member twice', rewritten(bytes.replace('"v":1', '"v":1,"v":1'))],
    ['a number in another form', rewritten(bytes.replace('"v":1', '"v":1.0'))],
    ['minus zero', rewritten(bytes.replace('"v":1', '"v":-0'))],
    ['a member too many', rewritten(bytes.replace('"v":1', '"v":1,"w":1'))],
    ['a member missing', rewritten(bytes.replace(',"v":1', ''))],
    ['another version', rewritten(bytes.replace('"v":1', '"v":2'))],
    ['no object', rewritten('[]')],
    ['white space before', ` ${line}`],
    ['something after', `${line} `],
    ['a member after', `${line.slice(0, -1)},"x":1}`],
    ['the members the other way round', `{"signature":"${signature}","operation":${bytes}}`],
    ['a signature too short', `${line.slice(0, -3)}"}`],
    ['a signature with stray bits', `${line.slice(0, -3)}B"}`],
    [
      'a prototype among the arguments',
      rewritten(bytes.replace('"args":{', '"args":{"__proto__":1,')),
    ],
    ['a prototype', rewritten(bytes.replace('"args":{', '"__proto__":{},"args":{'))],
  ];
  for (const [name, text] of wrong) {
    it(`refuse ${name}`, () => {
      expect(text).to.not.equal(line);
      expect(readOperationLine(text)).to.equal(null);
    });
  }

  it('refuse whatever is cut off', () => {
    for (let end = 0; end < line.length; end++)
      expect(readOperationLine(line.slice(0, end)), `${end} characters`).to.equal(null);
  });

  it('hold an operation of 16 KiB, counted in UTF-8 bytes', () => {
    const sized = (filler: string) => who.seal({ ...envelope, type: 'x', args: { filler } });
    const room =
      MAX_OPERATION_BYTES - operationBytes({ ...envelope, type: 'x', args: { filler: '' } }).length;
    expect(readOperationLine(sized('a'.repeat(room)))).to.not.equal(null);
    expect(readOperationLine(sized('a'.repeat(room + 1)))).to.equal(null);
    expect(readOperationLine(sized('€'.repeat(Math.floor(room / 3))))).to.not.equal(null);
    expect(readOperationLine(sized('€'.repeat(Math.floor(room / 3) + 1)))).to.equal(null);
  });

  it('never throw, whatever comes', () => {
    const mutated = fc
      .tuple(fc.nat({ max: line.length - 1 }), fc.string({ unit: 'binary', maxLength: 3 }))
      .map(([at, text]) => line.slice(0, at) + text + line.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), mutated), (text) => {
        const read = readOperationLine(text);
        if (read) expect(operationLine(read.bytes, read.signature)).to.equal(text);
      }),
      { numRuns: 500 },
    );
  });
});
