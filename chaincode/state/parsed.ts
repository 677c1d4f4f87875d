// Documents as they were parsed, kept from one transaction to the next: a patient's policy is read by every operation
// about them, and seldom changes. Nothing rests on what is kept: a document is its bytes, and these are compared.

/** Bytes of documents whose parsed form is kept; beyond it those that were used least recently are forgotten. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Families of keys that are read again and again; reports and accesses are mostly written once. */
const READ_OFTEN = /^(?:user|affiliation|genesis|consultation|offer)(?:\/|$)/;

interface Kept {
  readonly bytes: Buffer;
  readonly document: unknown;
}

const kept = new Map<string, Kept>();
let keptBytes = 0;

/** The document that these bytes are the JSON of. It may be shared: it must not be changed in place. */
export function parsed(name: string, bytes: Buffer): unknown {
  const known = kept.get(name);
  if (known?.bytes.equals(bytes)) {
    kept.delete(name);
    kept.set(name, known);
    return known.document;
  }
  const document: unknown = JSON.parse(bytes.toString('utf8'));
  if (READ_OFTEN.test(name)) keep(name, bytes, document);
  return document;
}

function keep(name: string, bytes: Buffer, document: unknown): void {
  forget(name);
  // A copy of its own: small buffers are cut from larger ones, which would be kept with them.
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  kept.set(name, { bytes: own, document });
  keptBytes += bytes.length;
  for (const [oldest] of kept) {
    if (keptBytes <= MAX_BYTES) return;
    forget(oldest);
  }
}

function forget(name: string): void {
  keptBytes -= kept.get(name)?.bytes.length ?? 0;
  kept.delete(name);
}
