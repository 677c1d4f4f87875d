// Names of the files in an export. A title is somebody's free text: what becomes of it in a name must be harmless on any
// system, and two reports never share one.

const EXTENSIONS: Readonly<Record<string, string>> = {
  'application/pdf': 'pdf',
  'application/dicom': 'dcm',
  'application/json': 'json',
  'application/fhir+json': 'json',
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'image/tiff': 'tiff',
  'text/plain': 'txt',
};

const LONGEST_TITLE = 48;
/** A name in bytes; most file systems end at 255. */
const LONGEST_NAME = 240;

/** Everything that an export may hold, by its path. */
const ALLOWED =
  /^(?:README\.txt|manifest\.json|manifest\.sig|record\/[a-z-]{1,40}\.(?:json|ndjson)|ledger\/[a-z-]{1,40}\.(?:bin|ndjson)|consultations\/[0-9A-Z]{26}\.json|sealed\/[0-9]{5,9}-(?:[0-9]{1,2}\.(?:png|bin)|label\.bin|wraps\.json)|reports\/[0-9]{5,9}(?:-[\p{L}\p{N}\p{M}-]{1,60})?\.[a-z0-9]{1,8})$/u;

/**
 * The name of a report's file: its number in the export makes it unique and keeps it off reserved names; of the title
 * only letters, digits and dashes stay, so that no separator, control or direction mark is left.
 */
export function reportFileName(number: number, title: string, mediaType: string): string {
  const letters = title
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, '-')
    .replace(/^-+|-+$/g, '');
  let slug = '';
  for (const letter of Array.from(letters).slice(0, LONGEST_TITLE)) {
    if (Buffer.byteLength(slug + letter) > LONGEST_NAME - 40) break;
    slug += letter;
  }
  const place = placeOf(number);
  const extension = Object.hasOwn(EXTENSIONS, mediaType) ? EXTENSIONS[mediaType] : undefined;
  return `reports/${place}${slug === '' ? '' : `-${slug}`}.${extension ?? 'bin'}`;
}

/** The names of a sealed report's files: nothing of what is in them is known. */
export function sealedFileNames(
  number: number,
  { storage, parts }: { readonly storage: 'stego' | 'encrypted'; readonly parts: number },
): { readonly parts: string[]; readonly label: string; readonly wraps: string } {
  const base = `sealed/${placeOf(number)}`;
  const extension = storage === 'stego' ? 'png' : 'bin';
  return {
    parts: Array.from({ length: parts }, (_, part) => `${base}-${part + 1}.${extension}`),
    label: `${base}-label.bin`,
    wraps: `${base}-wraps.json`,
  };
}

const placeOf = (number: number): string => String(number).padStart(5, '0');

/** May a file of an export have this name? Nothing else is unpacked, or believed. */
export function isExportName(name: string): boolean {
  return ALLOWED.test(name) && Buffer.byteLength(name) <= LONGEST_NAME;
}
