// The one error class of this package: whatever goes wrong with an image, a key or a file ends here.

/** Every way in which hiding or revealing can fail. The list is closed: callers may switch over it. */
export const STEGO_ERROR_CODES = [
  'BAD_ARGUMENT',
  'UNSUPPORTED_IMAGE',
  'CORRUPT_IMAGE',
  'IMAGE_TOO_LARGE',
  'PAYLOAD_TOO_LARGE',
  'CAPACITY_EXCEEDED',
  'NOTHING_FOUND',
  'PART_MISSING',
  'PART_CONFLICT',
  'AUTHENTICATION_FAILED',
  'POOL_FULL',
  'POOL_CLOSED',
  'FILE_EXISTS',
  'FILE_UNREADABLE',
  'FILE_UNWRITABLE',
] as const;

/** See {@link STEGO_ERROR_CODES}; `README.md` says what each one means and what to do. */
export type StegoErrorCode = (typeof STEGO_ERROR_CODES)[number];

/** What the failure is about: numbers and names only, never key or payload bytes. */
export type StegoErrorIds = Readonly<Record<string, string | number>>;

/** The only error that this package's functions throw on bad input. */
export class StegoError extends Error {
  readonly code: StegoErrorCode;
  readonly ids: StegoErrorIds;

  constructor(
    code: StegoErrorCode,
    message: string,
    ids: StegoErrorIds = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'StegoError';
    this.code = code;
    this.ids = ids;
  }
}
