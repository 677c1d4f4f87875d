// JSON texts that come from outside, whatever brings them: a body, a field of a form, a frame. JSON can spell half of a
// surrogate pair (RFC 8259 §8.2), which is no Unicode: it has no UTF-8, so it can be neither hashed nor signed nor kept as
// it was sent. Such a text is refused here, at the door, so that nothing further in has to expect one.
import { GatewayError } from '../../errors.js';

/**
 * The value of a JSON text.
 * @param what as the refusal calls it: `The body`
 * @throws GatewayError BAD_REQUEST
 */
export function readJsonText(text: string, what: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GatewayError('BAD_REQUEST', `${what} is not well-formed JSON.`, { cause });
  }
  assertUnicode(value, what);
  return value;
}

/** For what somebody else has parsed. @throws GatewayError BAD_REQUEST when a string or a name in it is no Unicode */
export function assertUnicode(value: unknown, what: string): void {
  // A list instead of recursion: how deep it is nested is the sender's choice.
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === 'string') {
      if (!next.isWellFormed())
        throw new GatewayError('BAD_REQUEST', `${what} holds half of a surrogate pair.`);
    } else if (Array.isArray(next)) {
      for (const item of next) waiting.push(item);
    } else if (typeof next === 'object' && next !== null) {
      for (const [name, member] of Object.entries(next)) waiting.push(name, member);
    }
  }
}
