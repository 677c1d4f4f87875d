// The port to a third-party cloud: immutable objects under names of our choosing. The cloud is not trusted: what
// comes back is checked against the SHA-256 that the ledger holds.

/** Why a cloud did not do what it was asked. */
export type CloudErrorCode =
  /** The name is taken. Nothing was written. */
  | 'EXISTS'
  | 'NOT_FOUND'
  /** The cloud can't be reached or failed inside. Worth another attempt. */
  | 'UNAVAILABLE'
  /** Silent for too long. Whether a write happened is not known. */
  | 'TIMEOUT'
  /** The bytes are not those that the checksum names. Nothing was written. */
  | 'CHECKSUM'
  /** No room left. */
  | 'FULL'
  /** The cloud refuses this gateway: a setting is wrong, and named. Another attempt does not help. */
  | 'DENIED'
  /** A name, range or cursor that can't be. */
  | 'INVALID'
  /** The caller's own signal aborted. */
  | 'ABORTED';

/** The port's error class. `message` says what to do; `ids` names cloud and object. */
export class CloudError extends Error {
  override readonly name = 'CloudError';
  constructor(
    readonly code: CloudErrorCode,
    message: string,
    readonly ids: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What to store: bytes, or a function that begins the stream anew for each attempt. */
export type CloudBody = Uint8Array | (() => AsyncIterable<Uint8Array>);

export interface CloudObject {
  readonly objectName: string;
  readonly sizeBytes: number;
}

/** Both ends included, as in HTTP. `end` may lie beyond the object's last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number;
}

export interface CloudRead extends CloudObject {
  /** The bytes asked for. Must be read to its end or returned from. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface CloudPage {
  readonly objects: readonly CloudObject[];
  /** Give it to `list` for the next page; absent on the last one. */
  readonly cursor?: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface Cloud {
  readonly name: string;

  /**
   * Stores an object, whole or not at all, durably, unless the name is taken.
   * @param options.sha256 of the body, 64 hex digits; checked before the object can be seen
   * @throws CloudError EXISTS | CHECKSUM | FULL | DENIED | UNAVAILABLE | TIMEOUT | INVALID | ABORTED
   */
  putIfAbsent(
    objectName: string,
    body: CloudBody,
    options: CallOptions & { readonly sha256: string },
  ): Promise<CloudObject>;

  /**
   * Opens an object for reading. `sizeBytes` is the whole object's size also when a range is asked for.
   * @throws CloudError NOT_FOUND | INVALID (range outside the object) | UNAVAILABLE | TIMEOUT | ABORTED
   */
  get(
    objectName: string,
    options?: CallOptions & { readonly range?: ByteRange },
  ): Promise<CloudRead>;

  /** @throws CloudError NOT_FOUND | UNAVAILABLE | TIMEOUT | INVALID | ABORTED */
  head(objectName: string, options?: CallOptions): Promise<CloudObject>;

  /** Removes an object; one that is not there is fine. */
  delete(objectName: string, options?: CallOptions): Promise<void>;

  /** Names that begin with `prefix`, each once, in an order of the cloud's own, at most `limit` (default 1000) a page. */
  list(
    prefix: string,
    options?: CallOptions & { readonly cursor?: string; readonly limit?: number },
  ): Promise<CloudPage>;
}

/**
 * Checks a name: one to six segments of letters, digits, `.`, `_` and `-`, joined by `/`; no segment begins with a
 * dot; at most 200 characters. Such a name means the same on every cloud and can't leave a folder.
 * @throws CloudError INVALID
 */
export function checkObjectName(cloud: string, objectName: string): void {
  const shape = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,5}$/;
  if (objectName.length > 200 || !shape.test(objectName)) {
    throw new CloudError('INVALID', 'This can’t be the name of an object.', { cloud });
  }
}
