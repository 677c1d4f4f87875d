// What a file is, by its first bytes. The sender's word is never taken: a page must not be made to run what was
// uploaded as a picture.

const starts = (bytes: Uint8Array, signature: readonly number[], at = 0): boolean =>
  signature.every((value, i) => bytes[at + i] === value);

const ascii = (text: string): number[] => [...Buffer.from(text, 'latin1')];

/**
 * A media type from a closed list; `application/octet-stream` for the rest.
 * @param whole whether these are all the bytes: text is only believed when it was read to its end
 */
export function sniffMediaType(bytes: Uint8Array, whole = true): string {
  // DICOM PS3.10 §7.1: a preamble of 128 bytes, then the prefix. First, for the preamble may make it a TIFF as well.
  if (starts(bytes, ascii('DICM'), 128)) return 'application/dicom';
  if (starts(bytes, ascii('%PDF-'))) return 'application/pdf';
  if (starts(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'image/png';
  if (starts(bytes, [0xff, 0xd8, 0xff])) return 'image/jpeg';
  if (starts(bytes, ascii('RIFF')) && starts(bytes, ascii('WEBP'), 8)) return 'image/webp';
  if (starts(bytes, [0x49, 0x49, 0x2a, 0]) || starts(bytes, [0x4d, 0x4d, 0, 0x2a]))
    return 'image/tiff';
  return whole ? sniffText(bytes) : 'application/octet-stream';
}

function sniffText(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return 'application/octet-stream';
  }
  if (bytes.length === 0 || hasControls(bytes)) return 'application/octet-stream';
  if (!/^\s*[{[]/.test(text)) return 'text/plain';
  try {
    const value: unknown = JSON.parse(text);
    const fhir =
      typeof value === 'object' &&
      value !== null &&
      'resourceType' in value &&
      typeof value.resourceType === 'string';
    return fhir ? 'application/fhir+json' : 'application/json';
  } catch {
    return 'text/plain';
  }
}

/** Control characters other than tab, line feed, form feed and carriage return. */
function hasControls(bytes: Uint8Array): boolean {
  return bytes.some(
    (byte) => byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13,
  );
}
