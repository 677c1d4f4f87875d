// Runs the example as a page would: in a realm of its own that has the language and what is lent here, all of it known to
// browsers. Notes on stderr every secret that the example makes, so that its test knows what to search for. The example
// itself is not changed. (Taking Node's globals away from Node does not do: its fetch needs them.)
import { readFile } from 'node:fs/promises';
import { createContext, runInContext } from 'node:vm';

const [, , example, origin] = process.argv;
const { subtle } = crypto;
const say = (text) => process.stderr.write(`${text}\n`);
const note = (bytes) => say(`secret ${Buffer.from(bytes).toString('hex')}`);
const getRandomValues = crypto.getRandomValues.bind(crypto);
crypto.getRandomValues = (array) => {
  const filled = getRandomValues(array);
  // Data key and tag key; shorter ones are nonces, ids and a password.
  if (filled.length === 32) note(filled);
  return filled;
};
const exportKey = subtle.exportKey.bind(subtle);
subtle.exportKey = async (format, key) => {
  const exported = await exportKey(format, key);
  if (exported.d) note(Buffer.from(exported.d, 'base64url'));
  return exported;
};

const lent = { fetch, crypto, FormData, Blob, URL, TextEncoder, TextDecoder, atob, btoa, console };
const page = createContext({ ...lent, location: new URL(origin) });
say(`globals ${runInContext('Object.getOwnPropertyNames(globalThis).join(" ")', page)}`);
const text = await readFile(example, 'utf8');
await runInContext(`(async () => {${text}\n})()`, page, { filename: example });
