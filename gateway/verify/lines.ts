// A stream's lines, none longer than a bound.
import { NotProven } from './findings.js';

/** Every line ends with a line feed. @throws NotProven for one that is too long, or has no end */
export async function* linesOf(
  pieces: AsyncIterable<Buffer>,
  file: string,
  maxBytes: number,
): AsyncGenerator<string> {
  const held: Buffer[] = [];
  let length = 0;
  for await (const piece of pieces) {
    let rest = piece;
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      yield Buffer.concat([...held.splice(0), rest.subarray(0, end)]).toString('utf8');
      length = 0;
      rest = rest.subarray(end + 1);
    }
    held.push(rest);
    length += rest.length;
    if (length > maxBytes) throw new NotProven(file, 'holds a line that is far too long');
  }
  if (length > 0) throw new NotProven(file, 'ends within a line');
}
