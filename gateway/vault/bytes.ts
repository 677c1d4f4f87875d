// Length-prefixed byte strings: the one encoding under every key wrap, bundle and sealed value, so that two
// different lists of parts never give the same bytes.

/** Each part as a 16-bit big-endian length and its bytes; texts are UTF-8. At most 65 535 bytes a part. */
export function encodeParts(parts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length); // throws when it does not fit
      return [length, bytes];
    }),
  );
}

/** The inverse of `encodeParts`; `undefined` when the bytes are no such list. The parts are copies. */
export function decodeParts(bytes: Uint8Array): Buffer[] | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Buffer[] = [];
  for (let at = 0; at < view.length;) {
    if (at + 2 > view.length) return undefined;
    const end = at + 2 + view.readUInt16BE(at);
    if (end > view.length) return undefined;
    parts.push(Buffer.from(view.subarray(at + 2, end)));
    at = end;
  }
  return parts;
}

/** Overwrites secrets that are no longer needed. Best effort: the runtime may hold copies elsewhere. */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}
