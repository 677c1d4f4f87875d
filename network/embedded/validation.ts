// Multi-version concurrency control: may a simulated transaction still commit?
// Only what changed since the oldest running simulation can conflict, so the check runs in memory, without the disk.
import type { ValidationCode } from './block.js';
import { covers, type KeyWrite, sameVersion, type Version } from './read-write-set.js';
import type { SeenRange, SimulatedReads } from './stub.js';

interface RecentWrite {
  /** null: deleted. */
  readonly version: Version | null;
  readonly block: number;
}

/** The latest writes of recent blocks, by chaincode and key. */
export class RecentWrites {
  readonly #latest = new Map<string, Map<string, RecentWrite>>();
  readonly #blocks: {
    readonly number: number;
    readonly writes: { readonly chaincode: string; readonly key: string }[];
  }[] = [];

  /** The verdict on a transaction whose turn it is. Same answer as comparing each version with the state's. */
  validate(chaincode: string, seen: SimulatedReads): ValidationCode {
    const recent = this.#latest.get(chaincode);
    if (recent === undefined || recent.size === 0) return 'VALID';
    for (const [key, version] of seen.reads) {
      const now = recent.get(key);
      if (now !== undefined && !sameVersion(now.version, version)) return 'MVCC_READ_CONFLICT';
    }
    for (const range of seen.ranges) {
      if (hasPhantom(range, recent)) return 'PHANTOM_READ_CONFLICT';
    }
    return 'VALID';
  }

  /** Notes a valid transaction's writes, for those that come after it. */
  note(chaincode: string, writes: readonly KeyWrite[], version: Version): void {
    const recent = this.#latest.get(chaincode) ?? new Map<string, RecentWrite>();
    this.#latest.set(chaincode, recent);
    let block = this.#blocks.at(-1);
    if (block?.number !== version.block) {
      block = { number: version.block, writes: [] };
      this.#blocks.push(block);
    }
    for (const { key, value } of writes) {
      recent.set(key, { version: value === null ? null : version, block: version.block });
      block.writes.push({ chaincode, key });
    }
  }

  /** Forgets blocks that every running simulation has seen. */
  forgetBelow(height: number): void {
    for (;;) {
      const oldest = this.#blocks[0];
      if (oldest === undefined || oldest.number >= height) return;
      this.#blocks.shift();
      for (const { chaincode, key } of oldest.writes) {
        const recent = this.#latest.get(chaincode);
        if (recent?.get(key)?.block === oldest.number) recent.delete(key);
      }
    }
  }
}

/** Would the range, read again, hold anything else than what was seen? */
function hasPhantom(range: SeenRange, recent: ReadonlyMap<string, RecentWrite>): boolean {
  for (const [key, { version }] of recent) {
    if (covers(range, key) && !sameVersion(version, range.results.get(key) ?? null)) return true;
  }
  return false;
}
