// Committed state as one height shows it: versioned values by key and by range, and keys' history.
import type { Block } from './block.js';
import { historyRange, splitHistoryKey, splitStateKey, stateKey, stateRange } from './keys.js';
import type { Version } from './read-write-set.js';
import type { StoreReader } from './store.js';

export interface Versioned {
  readonly version: Version;
  readonly value: Buffer;
}

export interface KeyModification {
  readonly txId: string;
  readonly timestampMs: number;
  readonly isDelete: boolean;
  readonly value: Buffer;
}

const VERSION_BYTES = 10;

/** A state entry as it is stored: block (48 bits), transaction (32 bits), value. */
export function encodeVersioned(version: Version, value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(VERSION_BYTES + value.length);
  bytes.writeUIntBE(version.block, 0, 6);
  bytes.writeUInt32BE(version.tx, 6);
  bytes.set(value, VERSION_BYTES);
  return bytes;
}

export function decodeVersioned(bytes: Buffer): Versioned {
  return {
    version: { block: bytes.readUIntBE(0, 6), tx: bytes.readUInt32BE(6) },
    value: bytes.subarray(VERSION_BYTES),
  };
}

export class StateView {
  /**
   * @param height the number of blocks that this view has seen
   * @param readBlock blocks below the height, for the values in a key's history
   */
  constructor(
    readonly height: number,
    private readonly reader: StoreReader,
    private readonly readBlock: (number: number) => Promise<Block>,
  ) {}

  async getMany(chaincode: string, keys: readonly string[]): Promise<(Versioned | null)[]> {
    const stored = await this.reader.getMany(keys.map((key) => stateKey(chaincode, key)));
    return stored.map((bytes) => (bytes === undefined ? null : decodeVersioned(bytes)));
  }

  /** Keys from `start` to before `end` ('' = to the end of the chaincode's state), in byte order. */
  async *range(
    chaincode: string,
    start: string,
    end: string,
  ): AsyncGenerator<Versioned & { readonly key: string }, void, undefined> {
    const range = stateRange(chaincode, start, end);
    // LevelDB would answer an upside-down range with nothing, too; saying so spares the call.
    if (Buffer.compare(Buffer.from(range.from), Buffer.from(range.to)) >= 0) return;
    for await (const [stored, bytes] of this.reader.entries(range)) {
      yield { key: splitStateKey(stored).key, ...decodeVersioned(bytes) };
    }
  }

  /** Newest first, as Fabric tells it. Only the places are indexed: values are read from their blocks. */
  async *history(chaincode: string, key: string): AsyncGenerator<KeyModification, void, undefined> {
    for await (const [stored] of this.reader.entries(historyRange(chaincode, key, this.height))) {
      const place = splitHistoryKey(stored);
      const transaction = (await this.readBlock(place.block)).transactions[place.tx];
      const write = transaction?.outcome.writes.find((candidate) => candidate.key === key);
      if (transaction === undefined || write === undefined) {
        throw new Error(`block ${place.block} does not hold the write that its index names`);
      }
      yield {
        txId: transaction.id,
        timestampMs: transaction.proposal.timestampMs,
        isDelete: write.value === null,
        value: Buffer.from(write.value ?? []),
      };
    }
  }
}
