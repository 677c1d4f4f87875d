// A consultation as a document that proves itself: its messages, and for each anchor the proof that the ledger holds it.
// `prms verify` checks it offline (gateway/verify/transcript.ts); docs/consultations.md specifies it.

import { kidOf, readOperationLine, type Consultation, type User } from '@prms/chaincode';
import type { EmbeddedLedger, LedgerEvidence } from '@prms/network';
import type { Actor } from '../actor.js';
import type { HistoryEntry, Records } from '../records.js';
import type { Conversations } from './conversations.js';
import type { ConsultationKeys } from './keys.js';
import type { Transcript, TranscriptAnchor } from './transcript-format.js';

export type { Transcript } from './transcript-format.js';

const PAGE = 500;

export class Transcripts {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly ledger: Pick<EmbeddedLedger, 'evidence' | 'height'>;
      readonly keys: ConsultationKeys;
      readonly conversations: Conversations;
      /** Up to so many blocks the chain of hashes comes along. */
      readonly maxBlocks: number;
    },
  ) {}

  async make(actor: Actor, consultation: Consultation): Promise<Transcript> {
    const { records, keys, ledger } = this.parts;
    const { id, patient, doctor, hospital, status, openedAt } = consultation;
    const commitment = await keys.commitment(id);
    const isHeld = commitment !== undefined && !actor.keys.elsewhere;
    const secret = isHeld ? await keys.unlock(actor, consultation) : undefined;
    const messages = await this.#messages(actor, consultation);
    const evidence = await ledger.evidence();
    const anchors = await this.#anchors(consultation, evidence);
    const people = new Set([patient, doctor, ...messages.map(({ sender }) => sender)]);
    for (const { signer } of anchors) people.add(signer);
    return {
      kind: 'prms-transcript',
      v: 1,
      ledger: records.channel,
      consultation: { id, patient, doctor, hospital, status, openedAt },
      participants: await Promise.all([...people].map((user) => this.#person(user, anchors))),
      ...(commitment !== undefined && {
        key: {
          commitment,
          ...(secret && { secret: Buffer.from(secret).toString('base64url') }),
        },
      }),
      messages,
      anchors: anchors.map(({ proof }) => ({ proof })),
      chain: await this.#chain(evidence),
    };
  }

  async #messages(actor: Actor, consultation: Consultation): Promise<Transcript['messages']> {
    const messages: Transcript['messages'][number][] = [];
    for (;;) {
      const page = await this.parts.conversations.read(actor, consultation, messages.length, PAGE);
      messages.push(...page);
      if (page.length < PAGE) return messages;
    }
  }

  /** Every change of the consultation on the ledger, oldest first, with what proves it. */
  async #anchors(
    { patient, id }: Consultation,
    evidence: LedgerEvidence,
  ): Promise<(TranscriptAnchor & { readonly signer: string; readonly kid: string })[]> {
    const { records } = this.parts;
    const states: HistoryEntry[] = [];
    const pages = records.all((page) => records.history('consultation', patient, id, page));
    for await (const state of pages) states.unshift(state);
    return Promise.all(
      states.map(async ({ transactionId }) => {
        const isOurs = (line: string) => isAbout(line, id);
        const proof = await evidence.transaction(transactionId, isOurs);
        const signed = readOperationLine(proof.lines[0]?.line ?? '');
        return { proof, signer: signed?.envelope.actor ?? '', kid: signed?.envelope.kid ?? '' };
      }),
    );
  }

  /** A participant with the signing keys that the anchors need, present and past. */
  async #person(
    id: string,
    anchors: readonly { readonly signer: string; readonly kid: string }[],
  ): Promise<Transcript['participants'][number]> {
    const user = await this.parts.records.user(id);
    const missing = new Set(anchors.filter(({ signer }) => signer === id).map(({ kid }) => kid));
    const keys = new Map([[user.kid, user.keys.sign]]);
    missing.delete(user.kid);
    if (missing.size > 0) {
      const { records } = this.parts;
      for await (const { document } of records.all((page) =>
        records.history('user', id, '', page),
      )) {
        const { sign } = (document as User).keys;
        if (missing.has(kidOf(sign))) keys.set(kidOf(sign), sign);
      }
    }
    return { id, role: user.role, keys: [...keys].map(([kid, sign]) => ({ kid, sign })) };
  }

  async #chain(evidence: LedgerEvidence): Promise<Transcript['chain']> {
    if (evidence.anchor.height > this.parts.maxBlocks) return { anchor: evidence.anchor };
    const pieces: Uint8Array[] = [];
    for await (const piece of evidence.chain()) pieces.push(piece);
    return { anchor: evidence.anchor, hashes: Buffer.concat(pieces).toString('base64url') };
  }
}

/** An operation that opened, anchored or closed this consultation. */
function isAbout(line: string, id: string): boolean {
  const envelope = readOperationLine(line)?.envelope;
  if (envelope?.type === 'consultation:open') return envelope.id === id;
  const changes =
    envelope?.type === 'consultation:message' || envelope?.type === 'consultation:close';
  return changes && envelope.args['id'] === id;
}
