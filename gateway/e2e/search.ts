// Looks for many secrets at once in whatever was written down: each as it is, and in the encodings in which bytes and texts
// get into files. One pass over the haystack, whatever the number of secrets.

export interface Secret {
  readonly name: string;
  /** A text is looked for as JSON, URLs and UTF-16 write it, too. */
  readonly bytes: Uint8Array | string;
}

/** What a form is found by: its first bytes. Shorter forms are looked for one by one. */
const HEAD_BYTES = 8;
const SLOT_BITS = 22;

interface Form {
  readonly name: string;
  readonly bytes: Buffer;
}

export class Search {
  readonly #isHead = new Uint8Array(2 ** SLOT_BITS);
  readonly #byHead = new Map<number, Form[]>();
  readonly #short: Form[] = [];

  constructor(secrets: readonly Secret[]) {
    for (const { name, bytes } of secrets)
      for (const form of formsOf(bytes)) this.#add({ name, bytes: Buffer.from(form, 'latin1') });
  }

  /** The names of those that are found, once each. */
  find(haystack: Uint8Array): string[] {
    const whole = Buffer.from(haystack.buffer, haystack.byteOffset, haystack.byteLength);
    const found = new Set(
      this.#short.filter(({ bytes }) => whole.includes(bytes)).map(({ name }) => name),
    );
    let [first, second] = [0, 0];
    for (let end = 0; end < whole.length;) {
      first = (first << 8) | (second >>> 24);
      second = (second << 8) | (whole[end++] ?? 0);
      const slot = slotOf(first, second);
      if (this.#isHead[slot] === 0 || end < HEAD_BYTES) continue;
      const start = end - HEAD_BYTES;
      for (const { name, bytes } of this.#byHead.get(slot) ?? [])
        if (bytes.equals(whole.subarray(start, start + bytes.length))) found.add(name);
    }
    return [...found];
  }

  #add(form: Form): void {
    if (form.bytes.length < HEAD_BYTES) {
      this.#short.push(form);
      return;
    }
    const slot = slotOf(form.bytes.readInt32BE(0), form.bytes.readInt32BE(4));
    this.#isHead[slot] = 1;
    const others = this.#byHead.get(slot);
    if (others) others.push(form);
    else this.#byHead.set(slot, [form]);
  }
}

const slotOf = (first: number, second: number): number =>
  (Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b)) >>> (32 - SLOT_BITS);

/** Once each, as Latin-1. */
function formsOf(secret: Uint8Array | string): Set<string> {
  const bytes = Buffer.from(secret);
  const forms = [bytes, bytes.toString('hex'), bytes.toString('hex').toUpperCase()];
  forms.push(...inBase64(bytes));
  if (typeof secret === 'string')
    forms.push(
      Buffer.from(secret, 'utf16le'),
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
    );
  else forms.push(bytes.join(','));
  return new Set(forms.map((form) => Buffer.from(form).toString('latin1')));
}

/** Wherever the bytes stand in what is encoded: without the letters at the ends that hold the neighbours’ bits, too. */
function inBase64(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor((padded.length * 8) / 6);
    return (['base64', 'base64url'] as const).map((encoding) =>
      padded.toString(encoding).slice(from, to),
    );
  });
}
