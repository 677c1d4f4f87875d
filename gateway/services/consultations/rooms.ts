// The live side of consultations: who is there, who waits at the door, and bringing each of them every message in order.
// Nothing here is lost with it: what counts is on disk, and whoever comes back says where they were.

import type { Consultation } from '@prms/chaincode';
import { GatewayError } from '../../errors.js';
import { wipe } from '../../vault/index.js';
import type { Accesses } from '../accesses/index.js';
import type { Actor } from '../actor.js';
import type { Notice, Notices } from '../notices.js';
import type { Records } from '../records.js';
import type { Anchors } from './anchors.js';
import type { Conversations } from './conversations.js';
import { clientFrameSchema, type ClientFrame, type ServerFrame } from './frames.js';
import type { ConsultationKeys } from './keys.js';
import type { MessageLog } from './log.js';
import type { Part, Participants } from './participants.js';

/** The connection to somebody, as far as a room is concerned. */
export interface Line {
  readonly isOpen: boolean;
  send(frame: object): boolean;
  /** Whether the session behind it is still good; it is closed if not. */
  mayHear(): Promise<boolean>;
  /** @returns false when nobody reads there any more */
  drained(): Promise<boolean>;
  problem(error: GatewayError): void;
  close(why: 'noLonger' | 'over'): void;
}

/** Somebody at a consultation's socket. */
export interface Seat {
  frame(frame: unknown): Promise<void>;
  closed(): void;
}

interface Member {
  readonly actor: Actor;
  readonly part: Part;
  readonly line: Line;
  readonly consultation: Consultation;
  state: 'away' | 'waiting' | 'here';
  /** The last message that was sent to them. */
  cursor: number;
  pump: 'idle' | 'running' | 'again';
  key?: Uint8Array;
  /** Ends the hearing of notices. */
  readonly deafen: () => void;
}

/** Messages that are read at once for somebody who catches up. */
const BATCH = 50;

export interface RoomParts {
  readonly records: Records;
  readonly keys: ConsultationKeys;
  readonly messages: MessageLog;
  readonly participants: Participants;
  readonly anchors: Anchors;
  readonly conversations: Conversations;
  readonly accesses: Pick<Accesses, 'open'>;
  readonly notices: Pick<Notices, 'of' | 'subscribe'>;
}

export class Rooms {
  readonly #members = new Map<string, Set<Member>>();

  constructor(private readonly parts: RoomParts) {
    const { conversations, anchors } = parts;
    conversations.watch({
      appended: (id) => this.#each(id, (member) => this.#pump(member)),
      closed: (id) => this.#each(id, (member) => this.#pump(member)),
      keyOf: (id) => this.#of(id).find(({ key }) => key)?.key,
    });
    anchors.watch({
      anchored: (id, anchor) => this.#tell(id, { type: 'anchored', ...anchor }),
      wanted: (anchor) => this.#askForSignature(anchor.id, { type: 'anchor-wanted', ...anchor }),
    });
  }

  /** May this person come to the socket at all? @throws GatewayError FORBIDDEN | NOT_FOUND */
  async arrive(actor: Actor, consultation: Consultation): Promise<(line: Line) => Seat> {
    const { participants, keys, messages, notices } = this.parts;
    const { id, status, count, head } = consultation;
    const notice = await notices.of(actor.userId);
    const part = await participants.partOf(actor, consultation);
    const commitment = await keys.commitment(id);
    const welcome: ServerFrame = {
      type: 'welcome',
      user: actor.userId,
      as: part,
      admitted: await participants.isAdmitted(consultation, actor.userId),
      status,
      last: (await messages.tail(id))?.count ?? 0,
      anchored: { count, ...(head !== undefined && { head }) },
      ...(commitment !== undefined && {
        key: { commitment, wraps: await keys.wrapsFor(id, actor.userId) },
      }),
    };
    return (line) => {
      const member: Member = {
        actor,
        part,
        line,
        consultation,
        state: 'away',
        cursor: 0,
        pump: 'idle',
        deafen: notices.subscribe(actor.userId, (changed) => tellNotices(line, changed)),
      };
      const there = this.#members.get(id) ?? new Set();
      this.#members.set(id, there.add(member));
      line.send(welcome);
      if (notice.length > 0) tellNotices(line, notice);
      return {
        frame: (frame) => this.#answer(member, readFrame(frame)),
        closed: () => this.#gone(member),
      };
    };
  }

  /** The doctor lets somebody in, wherever they wait. */
  async admit(actor: Actor, consultation: Consultation, user: string): Promise<string[]> {
    const admitted = await this.parts.participants.admit(actor, consultation, user);
    for (const member of this.#of(consultation.id)) {
      if (member.state === 'waiting' && member.actor.userId === user) await this.#enter(member);
    }
    return admitted;
  }

  async #answer(member: Member, frame: ClientFrame): Promise<void> {
    const { actor, line } = member;
    const { conversations, anchors } = this.parts;
    const consultation = await this.#present(member);
    switch (frame.type) {
      case 'join':
        return this.#join(member, consultation, frame.after);
      case 'leave':
        member.state = 'away';
        line.send({ type: 'left' } satisfies ServerFrame);
        {
          this.#showPresence(consultation.id);
          return;
        }
      case 'admit':
        await this.admit(actor, consultation, frame.user);
        return;
      case 'say':
      case 'say-sealed': {
        const { number, at, head } = await conversations.say(actor, consultation, frame);
        line.send({ type: 'ack', id: frame.id, number, at, head } satisfies ServerFrame);
        return;
      }
      case 'show':
        return this.#show(member, consultation, frame);
      case 'look':
        return this.#look(member, consultation, frame);
      case 'anchor':
        await anchors.take(actor, consultation.id, frame.operation);
        return;
      case 'close':
        await conversations.close(actor, consultation, frame.operation);
    }
  }

  /** The consultation as it stands, if this person still may be there: else the socket ends. */
  async #present(member: Member): Promise<Consultation> {
    const { patient, id } = member.consultation;
    const consultation = await this.parts.records.consultation(patient, id);
    try {
      await this.parts.participants.partOf(member.actor, consultation);
      return consultation;
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'FORBIDDEN') this.#expel(member, error);
      throw error;
    }
  }

  async #join(member: Member, consultation: Consultation, after: number): Promise<void> {
    const { messages, participants } = this.parts;
    const { id } = consultation;
    const last = (await messages.tail(id))?.count ?? 0;
    if (after > last)
      throw new GatewayError('VALIDATION', `There are ${last} messages: none of that number yet.`, {
        fields: [{ path: 'after', message: `is at most ${last}` }],
      });
    member.cursor = after;
    const isIn =
      consultation.status === 'closed' ||
      (await participants.isAdmitted(consultation, member.actor.userId));
    if (isIn) return this.#enter(member);
    member.state = 'waiting';
    member.line.send({ type: 'waiting' } satisfies ServerFrame);
    this.#showPresence(id);
  }

  async #enter(member: Member): Promise<void> {
    const { keys, messages, anchors } = this.parts;
    const { actor, consultation, line } = member;
    if (!actor.keys.elsewhere) member.key ??= await keys.unlock(actor, consultation);
    member.state = 'here';
    const last = (await messages.tail(consultation.id))?.count ?? 0;
    line.send({ type: 'joined', after: member.cursor, last } satisfies ServerFrame);
    this.#showPresence(consultation.id);
    this.#pump(member);
    anchors.look(actor, await this.#present(member));
  }

  async #show(
    { actor, line }: Member,
    consultation: Consultation,
    { id, report }: Extract<ClientFrame, { type: 'show' }>,
  ): Promise<void> {
    const { records, conversations } = this.parts;
    await conversations.mustBeOpenTo(actor, consultation);
    await records.report(consultation.patient, report);
    const event = { kind: 'report-shown', sender: actor.userId, id, report } as const;
    const { number, at, head } = await conversations.note(actor, consultation, event);
    line.send({ type: 'ack', id, number, at, head } satisfies ServerFrame);
  }

  async #look(
    { actor, line }: Member,
    consultation: Consultation,
    { id, report, purpose, actingFor }: Extract<ClientFrame, { type: 'look' }>,
  ): Promise<void> {
    const wish = { report, purpose, actingFor };
    const looked = await lookAt(this.parts, actor, consultation, wish);
    const { access, ticket, expiresAt } = looked;
    line.send({ type: 'looked', id, access, ticket, expiresAt } satisfies ServerFrame);
  }

  /** Brings a member what they have not had, in order, as fast as they read. One at a time for a member. */
  #pump(member: Member): void {
    if (member.state !== 'here') return;
    if (member.pump !== 'idle') {
      member.pump = 'again';
      return;
    }
    member.pump = 'running';
    void this.#bring(member)
      .catch((error: unknown) => {
        if (!(error instanceof GatewayError)) throw error;
        if (member.line.isOpen) member.line.problem(error);
      })
      .finally(() => {
        const again = member.pump === 'again';
        member.pump = 'idle';
        if (again) this.#pump(member);
      });
  }

  async #bring(member: Member): Promise<void> {
    const { messages, conversations } = this.parts;
    for (;;) {
      // Whoever has lost the right to hear hears no more, and not only once they speak.
      const consultation = await this.#present(member);
      const entries = await messages.read(consultation.id, member.cursor, BATCH);
      for (const entry of entries) {
        if (!(await member.line.drained()) || !(await member.line.mayHear())) return;
        if (member.state !== 'here') return;
        const message = conversations.shown(consultation, entry, member.key);
        if (!member.line.send({ type: 'message', message })) return;
        member.cursor = entry.number;
      }
      if (entries.length === BATCH) continue;
      if (!(await member.line.mayHear())) return;
      if (consultation.status === 'closed') this.#over(member);
      return;
    }
  }

  #over({ line }: Member): void {
    line.send({ type: 'closed' } satisfies ServerFrame);
    line.close('over');
  }

  #expel(member: Member, error: GatewayError): void {
    member.line.problem(error);
    member.line.close('noLonger');
    this.#gone(member);
  }

  #gone(member: Member): void {
    const { id } = member.consultation;
    member.state = 'away';
    member.deafen();
    if (member.key) wipe(member.key);
    delete member.key;
    const there = this.#members.get(id);
    if (there?.delete(member) !== true) return;
    if (there.size === 0) this.#members.delete(id);
    this.#showPresence(id);
  }

  #showPresence(id: string): void {
    const here = peopleOf(this.#of(id), 'here');
    const waiting = peopleOf(this.#of(id), 'waiting');
    this.#tell(id, { type: 'presence', here, waiting });
  }

  /** To everybody who has been let in. */
  #tell(id: string, frame: ServerFrame): void {
    this.#each(id, ({ state, line }) => {
      if (state === 'here') line.send(frame);
    });
  }

  #askForSignature(id: string, frame: ServerFrame): void {
    const asked = this.#of(id).find(({ state, actor }) => state === 'here' && actor.keys.elsewhere);
    asked?.line.send(frame);
  }

  #each(id: string, what: (member: Member) => void): void {
    for (const member of this.#of(id)) what(member);
  }

  #of(id: string): Member[] {
    return [...(this.#members.get(id) ?? [])];
  }
}

function tellNotices(line: Line, notices: readonly Notice[]): void {
  line.send({ type: 'notice', notices: [...notices] } satisfies ServerFrame);
}

/** Opens a report for a participant: an access like any other, told to the others. */
export async function lookAt(
  { conversations, accesses }: Pick<RoomParts, 'conversations' | 'accesses'>,
  actor: Actor,
  consultation: Consultation,
  {
    report,
    ...how
  }: Pick<Extract<ClientFrame, { type: 'look' }>, 'report' | 'purpose' | 'actingFor'>,
) {
  await conversations.mustBeOpenTo(actor, consultation);
  const wish = { action: 'view', ...how } as const;
  const opened = await accesses.open(actor, consultation.patient, report, wish);
  const { access } = opened;
  const event = {
    kind: 'report-viewed',
    sender: actor.userId,
    id: access,
    report,
    access,
  } as const;
  const { number } = await conversations.note(actor, consultation, event);
  return { ...opened, number };
}

function readFrame(frame: unknown): ClientFrame {
  const read = clientFrameSchema.safeParse(frame);
  if (read.success) return read.data;
  const fields = read.error.issues.slice(0, 10).map(({ path, message }) => ({
    path: path.map(String).join('.'),
    message,
  }));
  throw new GatewayError('VALIDATION', 'This is no frame of a consultation.', { fields });
}

/** Each person once, however many tabs they have. */
function peopleOf(members: readonly Member[], state: Member['state']) {
  const people = new Map<string, { user: string; as: Part }>();
  for (const { actor, part, state: theirs } of members)
    if (theirs === state) people.set(actor.userId, { user: actor.userId, as: part });
  return [...people.values()];
}
