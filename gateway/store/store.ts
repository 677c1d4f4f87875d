// The port to the gateway's own data: spaces of keys and bytes, and one atomic conditional commit.
// Small on purpose: a key-value folder and a table of a server database can both offer it.

/** A space's name: a-z, 0-9 and dash, at most 40 characters. */
export type SpaceName = string;

export interface StoreWrite {
  readonly space: SpaceName;
  /** 1 to 512 characters, no NUL. */
  readonly key: string;
  /** `undefined` deletes. */
  readonly value: Uint8Array | undefined;
}

/** What has to be stored at a commit's moment for it to happen. `undefined`: nothing under this key. */
export interface StoreExpectation {
  readonly space: SpaceName;
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

export interface CommitOptions {
  readonly expect?: readonly StoreExpectation[];
  /** Answer only when the writes have reached the disk. Default false: a crash of the machine may lose the last ones. */
  readonly sync?: boolean;
}

export interface ListOptions {
  /** Only keys that begin so. */
  readonly prefix?: string;
  /** Only keys after this one. */
  readonly after?: string;
  readonly limit?: number;
}

export interface StoreEntry {
  readonly key: string;
  readonly value: Uint8Array;
}

export interface Store {
  /** False while the disk takes no writes: reads go on, commits are refused. */
  readonly accepting: boolean;

  get(space: SpaceName, key: string): Promise<Uint8Array | undefined>;

  /** In the order of `keys`. */
  getMany(space: SpaceName, keys: readonly string[]): Promise<(Uint8Array | undefined)[]>;

  /** Entries in the order of their keys' UTF-8 bytes, as they stood when the listing began. */
  list(space: SpaceName, options?: ListOptions): AsyncIterable<StoreEntry>;

  /**
   * Does all writes or none.
   * @returns false, with nothing written, when an expectation does not hold
   * @throws GatewayError STORE_UNAVAILABLE when the disk is full or failing
   */
  commit(writes: readonly StoreWrite[], options?: CommitOptions): Promise<boolean>;

  /** Waits for commits under way. Idempotent; later calls are rejected. */
  close(): Promise<void>;
}
