// Canonical JSON after RFC 8785 (JCS), narrowed to what a signed operation may hold: safe integers instead of doubles,
// well-formed Unicode, plain objects and arrays. One value has one byte string, so a signature over bytes is a signature over meaning.

import { ChaincodeError } from '../errors.js';

export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [k: string]: Json | undefined };

/** Deeper values are refused: how deep a stack reaches differs between endorsers, and they must agree. */
const MAX_DEPTH = 64;

/**
 * The canonical text of a value. Members whose value is `undefined` are left out, as JSON.stringify does.
 * @throws ChaincodeError NOT_CANONICAL for unsafe or fractional numbers, lone surrogates, other types, members named
 * `__proto__`, and values nested more than 64 deep
 */
export function canonicalise(value: unknown): string {
  return textOf(value, 0);
}

function textOf(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw notCanonical('a string holds a lone surrogate');
      return JSON.stringify(value); // RFC 8785 §3.2.2.2 takes ECMAScript's own string serialisation
    case 'number':
      if (!Number.isSafeInteger(value)) throw notCanonical('a number is not a safe integer');
      return Object.is(value, -0) ? '0' : String(value);
    case 'boolean':
      return String(value);
    case 'object':
      if (value === null) return 'null';
      if (depth === MAX_DEPTH) throw notCanonical(`a value is nested over ${MAX_DEPTH} deep`);
      // Array.from turns holes into undefined, which is then refused; map would skip them.
      if (Array.isArray(value))
        return `[${Array.from(value, (item) => textOf(item, depth + 1)).join(',')}]`;
      return objectText(value, depth + 1);
    default:
      throw notCanonical(`a value of type ${typeof value} has no JSON form`);
  }
}

function objectText(object: object, depth: number): string {
  if (!isPlain(object)) throw notCanonical('only plain objects have a canonical form');
  let text = '';
  for (const name of sortedNames(object)) {
    // JSON may name a member so; whoever copies such an object member by member loses it unseen.
    if (name === '__proto__') throw notCanonical('a member is named __proto__');
    const member = object[name];
    if (member !== undefined)
      text += `${text === '' ? '' : ','}${nameText(name, depth)}:${textOf(member, depth)}`;
  }
  return `{${text}}`;
}

function isPlain(object: object): object is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === Object.prototype || prototype === null;
}

/** RFC 8785 §3.2.3: members in the order of their UTF-16 code units. What was read from canonical text is in order already. */
function sortedNames(object: object): readonly string[] {
  const names = Object.keys(object);
  for (let i = 1; i < names.length; i++) {
    if ((names[i - 1] ?? '') > (names[i] ?? '')) return names.sort();
  }
  return names;
}

const PLAIN_NAME = /^[A-Za-z0-9_-]+$/;

/** Most members have names that need no escaping. */
function nameText(name: string, depth: number): string {
  return PLAIN_NAME.test(name) ? `"${name}"` : textOf(name, depth);
}

function notCanonical(why: string): ChaincodeError {
  return new ChaincodeError('NOT_CANONICAL', why);
}
