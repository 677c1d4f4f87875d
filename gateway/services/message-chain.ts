// The hash chain of a consultation's messages: what the ledger's anchor proves, and which stored texts it vouches for.

import { createHash } from 'node:crypto';
import { canonicalise } from '@prms/chaincode';

/** A message; `head` is the chain's head with it. Numbers run from 1 without gaps; `at` in milliseconds since the epoch. */
export interface Message {
  readonly number: number;
  readonly sender: string;
  readonly at: number;
  readonly text: string;
  readonly head: string;
}

/** How far the chain is anchored: the number of its last message, and the head with it. */
export interface Anchor {
  readonly count: number;
  readonly head?: string | undefined;
}

/** The head before the first message: 32 zero bytes. */
export const NO_HEAD = Buffer.alloc(32).toString('base64url');

/** head = SHA-256("PRMS-chat-v1" NUL ‖ previous head (32 bytes, zeros before the first) ‖ canonical JSON of the message), base64url. */
export function chained(
  previous: string,
  { number, sender, at, text }: Omit<Message, 'head'>,
): string {
  return createHash('sha256')
    .update('PRMS-chat-v1\0', 'utf8')
    .update(Buffer.from(previous, 'base64url'))
    .update(canonicalise({ number, sender, at, text }), 'utf8')
    .digest('base64url');
}

/** Do these messages, in order, lead to the anchored head? Needs nothing but them and the ledger. */
export function verifyChain(messages: readonly Message[], { count, head }: Anchor): boolean {
  let last = NO_HEAD;
  for (const [index, message] of messages.entries()) {
    last = chained(last, message);
    if (message.number !== index + 1 || message.head !== last) return false;
  }
  return messages.length === count && last === (head ?? NO_HEAD);
}

/**
 * Picks from stored messages those that lead to the anchored head. Several may have one number: of a crash or a refusal
 * a text is left that was never anchored. Goes backwards, since the ledger vouches for the last head.
 * @returns the messages in order; `undefined` when none of the stored ones lead there
 */
export function anchoredMessages(
  stored: Iterable<Message>,
  { count, head = NO_HEAD }: Anchor,
): Message[] | undefined {
  const byHead = new Map<string, Message>();
  const headsOf = new Map<number, string[]>([[0, [NO_HEAD]]]);
  for (const message of stored) {
    byHead.set(message.head, message);
    headsOf.set(message.number, [...(headsOf.get(message.number) ?? []), message.head]);
  }
  const chain: Message[] = [];
  let wanted = head;
  for (let number = count; number > 0; number--) {
    const message = byHead.get(wanted);
    if (message?.number !== number) return undefined;
    const previous = headsOf.get(number - 1)?.find((each) => chained(each, message) === wanted);
    if (previous === undefined) return undefined;
    chain.push(message);
    wanted = previous;
  }
  return wanted === NO_HEAD ? chain.reverse() : undefined;
}
