// Loaded before the example by its test: notes on stderr every secret that the example makes, so that the test knows what
// to search for. The example itself is not changed.
const { subtle } = crypto;
const note = (bytes) => process.stderr.write(`secret ${Buffer.from(bytes).toString('hex')}\n`);
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
