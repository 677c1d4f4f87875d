// Settings of consultations.
import { integer } from '../kinds.js';
import type { Setting } from '../kinds.js';

export const consultations = {
  messageCharacters: integer(
    'PRMS_MESSAGE_CHARACTERS',
    10_000,
    [1, 15_000],
    'characters',
    'Longest message of a consultation.',
  ),
  messagesPerMinute: integer(
    'PRMS_MESSAGES_PER_MINUTE',
    60,
    [1, 10_000],
    '1/min',
    'Messages of one participant of a consultation, over all their connections; more are TOO_MANY.',
  ),
  anchorEveryMessages: integer(
    'PRMS_ANCHOR_EVERY_MESSAGES',
    10,
    [1, 1000],
    'messages',
    'The chain of a consultation’s messages is anchored when so many have come since the last anchor.',
  ),
  anchorQuietMs: integer(
    'PRMS_ANCHOR_QUIET_MS',
    60_000,
    [100, 3_600_000],
    'ms',
    'It is anchored, too, when nothing has been said for so long.',
  ),
  transcriptBlocks: integer(
    'PRMS_TRANSCRIPT_BLOCKS',
    250_000,
    [0, 10_000_000],
    'blocks',
    'Up to so many blocks of the ledger a transcript brings the whole chain of hashes (43 characters a block); beyond, anchors prove their signatures only.',
  ),
  messagesPerPage: integer(
    'PRMS_MESSAGES_PER_PAGE',
    500,
    [1, 1000],
    'messages',
    'Messages of a consultation in one answer when a request names no `limit`.',
  ),
} as const satisfies Record<string, Setting>;
