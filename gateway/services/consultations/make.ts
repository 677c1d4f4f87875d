// Puts the parts of consultations together.

import type { EmbeddedLedger } from '@prms/network';
import type { Clock, RandomBytes } from '../../ambient.js';
import type { Config } from '../../config/index.js';
import type { Log } from '../../logging.js';
import type { Store } from '../../store/index.js';
import type { Accesses } from '../accesses/index.js';
import type { HospitalKeys } from '../hospital-keys.js';
import type { Notices } from '../notices.js';
import type { Outbox } from '../outbox.js';
import type { Records } from '../records.js';
import { Anchors } from './anchors.js';
import { Consultations } from './consultations.js';
import { Conversations } from './conversations.js';
import { ConsultationKeys } from './keys.js';
import { MessageLog } from './log.js';
import { Participants } from './participants.js';
import { Rooms } from './rooms.js';
import { Transcripts } from './transcripts.js';

export function makeConsultations(base: {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly store: Store;
  readonly ledger: EmbeddedLedger;
  readonly records: Records;
  readonly outbox: Outbox;
  readonly hospitalKeys: HospitalKeys;
  readonly accesses: Accesses;
  readonly notices: Notices;
}): Consultations {
  const { config, store } = base;
  const messages = new MessageLog(store, base.clock);
  const keys = new ConsultationKeys(base);
  const participants = new Participants(base.records, store);
  const anchors = new Anchors({
    ...base,
    messages,
    everyMessages: config.anchorEveryMessages,
    quietMs: config.anchorQuietMs,
  });
  const parts = { ...base, messages, keys, participants, anchors };
  const conversations = new Conversations({
    ...parts,
    maxCharacters: config.messageCharacters,
    messagesPerMinute: config.messagesPerMinute,
  });
  const transcripts = new Transcripts({
    ...parts,
    conversations,
    maxBlocks: config.transcriptBlocks,
  });
  const rooms = new Rooms({ ...parts, conversations });
  return new Consultations({ ...parts, conversations, rooms, transcripts });
}
