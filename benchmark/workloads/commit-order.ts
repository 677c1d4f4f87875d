// Answers as the ledger has them: by the place of their transaction, and by their place in it.
import type { Applied } from './workload.js';

export interface CommitOrder {
  readonly calls: readonly Applied[];
  /** What can't be true of a ledger. */
  readonly wrong: readonly string[];
}

/** @param order ids of valid transactions as they lie on the ledger */
export function inCommitOrder(applied: readonly Applied[], order: readonly string[]): CommitOrder {
  const rank = new Map(order.map((transactionId, at) => [transactionId, at]));
  const placed: { readonly call: Applied; readonly rank: number }[] = [];
  const wrong: string[] = [];
  for (const call of applied) {
    const { transactionId } = call.place;
    const at = rank.get(transactionId);
    if (at !== undefined) placed.push({ call, rank: at });
    else
      wrong.push(
        `"${call.line}" was told to lie in ${transactionId}, which the ledger does not have`,
      );
  }
  placed.sort((a, b) => a.rank - b.rank || a.call.place.position - b.call.place.position);
  placed.forEach(({ call, rank: own }, at) => {
    const before = placed[at - 1];
    if (before?.rank !== own || before.call.place.position !== call.place.position) return;
    wrong.push(`"${before.call.line}" and "${call.line}" were told to lie in the same place`);
  });
  return { calls: placed.map(({ call }) => call), wrong };
}

/** The first few of many faults, and how many there are. */
export function firstFew(faults: readonly string[], most = 10): string[] {
  const few = faults.slice(0, most);
  return faults.length > most ? [...few, `and ${faults.length - most} more`] : few;
}
