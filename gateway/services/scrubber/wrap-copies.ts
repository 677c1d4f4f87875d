// What is wrong with the copies of a key wrap. The ledger has no hash of it, and the gateway can seldom open it: a copy is
// right when it is what this gateway wrote. Where that is not known, copies that agree are believed, and of two that differ
// neither is.
import type { CopyFault } from '../../clouds/index.js';

export interface WrapFault {
  readonly cloud: string;
  readonly fault: Exclude<CopyFault, 'unanswered'>;
}

export interface WrapVerdict {
  readonly faults: readonly WrapFault[];
  /** What a copy is made good to, 64 hex digits. Absent: nothing here tells which copy is right. */
  readonly sha256?: string;
  /** The hash is that of the only copy there is, and nothing here tells whether it is right. */
  readonly unproven?: true;
  /** All clouds that answered, more than one, hold the same: worth noting. */
  readonly agreed?: string;
  /** Written here, and in no cloud that answered. */
  readonly gone?: true;
}

/**
 * @param found hashes by cloud, of those that answered; `undefined`: it has none
 * @param written hash of what this gateway wrote
 */
export function judgeWrap(
  found: ReadonlyMap<string, string | undefined>,
  written: string | undefined,
): WrapVerdict {
  const copies = [...found].map(([cloud, hash]) => ({ cloud, hash }));
  const missing = copies.filter(({ hash }) => hash === undefined).map(faulty('missing'));
  const [first, ...others] = new Set(copies.flatMap(({ hash }) => hash ?? []));
  if (written !== undefined) {
    const bad = copies.filter(({ hash }) => hash !== undefined && hash !== written);
    const faults = [...missing, ...bad.map(faulty('bad'))];
    return { faults, sha256: written, ...(first === undefined && { gone: true }) };
  }
  if (first === undefined) return { faults: [] };
  if (others.length > 0)
    return { faults: copies.filter(({ hash }) => hash !== undefined).map(faulty('bad')) };
  if (missing.length > 0) return { faults: missing, sha256: first, unproven: true };
  return { faults: [], ...(copies.length > 1 && { agreed: first }) };
}

const faulty =
  (fault: WrapFault['fault']) =>
  ({ cloud }: { readonly cloud: string }): WrapFault => ({ cloud, fault });
