// Verifies a consultation's transcript (docs/consultations.md) with nothing at hand but the file: each message is what
// its link of the chain says, each anchor was signed by a participant and stands on the ledger, and the chain fits them.
import { readFile } from 'node:fs/promises';
import { isSignedBy, kidOf, readOperationLine, signedText, userIdOf } from '@prms/chaincode';
import { checkChain, checkTransaction, LedgerError, type CheckedChain } from '@prms/network';
import { z } from 'zod';
import {
  commitToKey,
  firstHead,
  headsOf,
  openText,
  transcriptSchema,
  type Transcript,
} from '../services/consultations/index.js';
import { GatewayError } from '../errors.js';
import { NotProven, type Problem, type Verdict, type VerifyOptions } from './findings.js';

const KIND = 'transcript';
const NO_TEXTS: Texts = { opened: 0, unreadable: 0 };

/** What an anchor, or a close, says of the chain. */
interface Anchored {
  readonly type: string;
  readonly operation: string;
  readonly count: number;
  readonly head: string;
}

const argsSchema = z.looseObject({
  id: z.string().optional(),
  patient: z.string(),
  hospital: z.string().optional(),
  count: z.int().optional(),
  head: z.string().optional(),
  anchor: z.looseObject({ count: z.int(), head: z.string() }).optional(),
});
const answerSchema = z.looseObject({ id: z.string(), status: z.string() });

/** A transcript is JSON that names itself. */
export function isTranscript(beginning: Buffer): boolean {
  return /^\s*\{\s*"kind"\s*:\s*"prms-transcript"/.test(beginning.toString('utf8'));
}

export async function verifyTranscript(path: string, options: VerifyOptions): Promise<Verdict> {
  const text = await readFile(path, 'utf8');
  let transcript: Transcript;
  try {
    transcript = transcriptSchema.parse(JSON.parse(text));
  } catch {
    return verdictOf([
      { file: 'transcript', message: 'this is no transcript: a part is missing, or another one' },
    ]);
  }
  return checkTranscript(transcript, options);
}

/** The same for a transcript that is in memory. */
export async function checkTranscript(
  transcript: Transcript,
  options: VerifyOptions,
): Promise<Verdict> {
  const problems: Problem[] = [];
  const attempt = async <T>(what: string, work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      problems.push({ file: what, message: sayWhy(error) });
      return undefined;
    }
  };
  await attempt('participants', () => checkPeople(transcript));
  const heads = await attempt('messages', () => checkMessages(transcript));
  const texts = await attempt('texts', () => checkTexts(transcript));
  const chain = await attempt('ledger', () => checkLedger(transcript, options));
  const anchors: Anchored[] = [];
  for (const [at, { proof }] of transcript.anchors.entries()) {
    const anchor = await attempt(`anchor ${at}`, () => checkAnchor(transcript, proof, chain));
    if (anchor) anchors.push(anchor);
  }
  await attempt('anchors', () => checkCover(transcript, anchors, heads ?? []));
  return verdictOf(problems, { transcript, anchors, texts: texts ?? NO_TEXTS, chain });
}

/** Each person is there once, in their role, and took part: nobody else spoke, and nobody who did not is named. */
function checkPeople({ consultation, participants, messages, anchors }: Transcript): void {
  const { doctor, patient } = consultation;
  const roles = new Map(participants.map(({ id, role }) => [id, role]));
  if (roles.size !== participants.length)
    throw new NotProven('participants', 'a participant is there twice');
  if (roles.get(doctor) !== 'doctor' || roles.get(patient) !== 'patient')
    throw new NotProven(
      'participants',
      'the doctor or the patient is missing, or not in this role',
    );
  const senders = new Set(messages.map(({ sender }) => sender));
  const stranger = [...senders].find((id) => !roles.has(id));
  if (stranger !== undefined)
    throw new NotProven('participants', `${stranger} says something and is no participant`);
  const signers = anchors.map(
    ({ proof }) => readOperationLine(proof.lines[0]?.line ?? '')?.envelope.actor,
  );
  const active = new Set([doctor, patient, ...senders, ...signers]);
  const idle = participants.find(({ id }) => !active.has(id));
  if (idle) throw new NotProven('participants', `nothing shows that ${idle.id} took part`);
}

function checkMessages({ consultation, key, messages }: Transcript): string[] {
  if (messages.length === 0) return [];
  if (!key) throw new NotProven('messages', 'there are messages and no key that they begin with');
  const heads = headsOf(firstHead(consultation.id, key.commitment), messages);
  if (heads) return heads;
  throw new NotProven(
    'messages',
    'the messages are no chain: one was changed, dropped, added or moved',
  );
}

interface Texts {
  readonly opened: number;
  /** What its sender sealed so that it opens with no key of the consultation. */
  readonly unreadable: number;
}

/** Every text is what its ciphertext holds, under the key that the chain begins with. */
function checkTexts({ ledger, consultation, key, messages }: Transcript): Texts {
  const secret = key?.secret === undefined ? undefined : Buffer.from(key.secret, 'base64url');
  if (secret && commitToKey(consultation.id, secret) !== key?.commitment)
    throw new NotProven('texts', 'the key is not the one that the chain begins with');
  let [opened, unreadable] = [0, 0];
  for (const message of messages) {
    if (message.kind !== 'message') continue;
    const { number, sender, id, sealed, text } = message;
    const isSaidUnreadable = message.unreadable === true;
    if (!secret) {
      if (text === undefined && !isSaidUnreadable) continue;
      throw new NotProven('texts', `message ${number} has a text and no key that proves it`);
    }
    const place = { ledger, consultation: consultation.id, sender, id };
    const held = openText(secret, place, sealed);
    if (held !== text || isSaidUnreadable !== (held === undefined))
      throw new NotProven(
        'texts',
        `message ${number} holds another text than the one that is shown`,
      );
    if (held === undefined) unreadable += 1;
    else opened += 1;
  }
  return { opened, unreadable };
}

/** `undefined` when the transcript brings no chain of hashes. */
async function checkLedger(
  { chain, anchors, ledger }: Transcript,
  { expect }: VerifyOptions,
): Promise<CheckedChain | undefined> {
  if (chain.hashes === undefined) return undefined;
  const keep = new Set(anchors.map(({ proof }) => proof.block));
  const hashes = Buffer.from(chain.hashes, 'base64url');
  const checked = await checkChain(chain.anchor, once(hashes), { keep, expect });
  if (checked.channel === ledger) return checked;
  throw new NotProven('ledger', `the chain is of the ledger ${checked.channel}, not ${ledger}`);
}

/** One operation about the consultation: signed by a participant, applied, and, with the chain at hand, on the ledger. */
function checkAnchor(
  transcript: Transcript,
  proof: Transcript['anchors'][number]['proof'],
  chain: CheckedChain | undefined,
): Anchored {
  const { ledger, consultation, participants } = transcript;
  if (chain) checkTransaction(proof, chain.dataHashes);
  const [shown, ...others] = proof.lines;
  const signed = shown && readOperationLine(shown.line);
  if (!signed || others.length > 0)
    throw new NotProven('anchor', 'it shows no signed operation, or several');
  const { envelope, bytes, signature } = signed;
  const signer = participants.find(({ id }) => id === envelope.actor);
  const key = signer?.keys.find(({ kid, sign }) => kid === envelope.kid && kidOf(sign) === kid);
  if (!key || !isSignedBy({ publicKey: key.sign, text: signedText(bytes), signature }))
    throw new NotProven('anchor', `operation ${envelope.id} is not signed by a participant`);
  // A first key is its owner's id; a later one rests on the ledger, which has checked it.
  if (!chain && userIdOf(key.sign) !== envelope.actor)
    throw new NotProven(
      'anchor',
      `operation ${envelope.id} is signed with a key that only the ledger knows`,
    );
  const answer = answerSchema.safeParse(shown.answer && JSON.parse(shown.answer.line)).data;
  if (answer?.id !== envelope.id || answer.status !== 'applied')
    throw new NotProven('anchor', `operation ${envelope.id} was not applied`);
  const args = argsSchema.parse(envelope.args);
  const { type } = envelope;
  const opens = type === 'consultation:open' && envelope.id === consultation.id;
  const changes = type === 'consultation:message' || type === 'consultation:close';
  const isOfPatient = args.patient === consultation.patient;
  if (
    envelope.ledger !== ledger ||
    !isOfPatient ||
    !(opens || (changes && args.id === consultation.id))
  )
    throw new NotProven('anchor', `operation ${envelope.id} is about something else`);
  const { doctor, hospital, openedAt } = consultation;
  const isAsOpened =
    doctor === envelope.actor && hospital === args.hospital && openedAt === envelope.issuedAt;
  if (opens && !isAsOpened)
    throw new NotProven('anchor', 'it was opened by somebody else, for another hospital or time');
  const { count = 0, head = '' } = args.anchor ?? args;
  return { type, operation: envelope.id, count, head };
}

/** The anchors' heads are the chain's, they go forward, and what is closed is anchored to its last message. */
function checkCover(
  { consultation, messages }: Transcript,
  anchors: readonly Anchored[],
  heads: readonly string[],
): void {
  if (anchors[0]?.type !== 'consultation:open')
    throw new NotProven('anchors', 'the operation that opened the consultation is missing');
  let last = 0;
  for (const { type, operation, count, head } of anchors.slice(1)) {
    const closes = type === 'consultation:close';
    if (closes && count === 0) continue;
    if (count <= last || heads[count - 1] !== head)
      throw new NotProven('anchors', `anchor ${operation} vouches for another message ${count}`);
    last = count;
  }
  const isClosed = anchors.at(-1)?.type === 'consultation:close';
  if (isClosed !== (consultation.status === 'closed'))
    throw new NotProven('anchors', 'it is said to be open and is closed, or the other way round');
  if (isClosed && last !== messages.length)
    throw new NotProven(
      'anchors',
      `it was closed with ${last} messages, and there are ${messages.length}`,
    );
}

function verdictOf(
  problems: readonly Problem[],
  found?: {
    readonly transcript: Transcript;
    readonly anchors: readonly Anchored[];
    readonly texts: Texts;
    readonly chain: CheckedChain | undefined;
  },
): Verdict {
  if (!found) return { kind: KIND, ok: false, problems, proven: [], notProven: [], facts: {} };
  const { transcript, anchors, texts, chain } = found;
  const { opened, unreadable } = texts;
  const { consultation, messages } = transcript;
  const covered = Math.max(0, ...anchors.map(({ count }) => count));
  const loose = messages.length - covered;
  const notProven = [
    ...(loose > 0 ? [`the last ${loose} messages are not anchored yet`] : []),
    ...(consultation.status === 'open'
      ? ['that nothing came after it: the consultation was open']
      : []),
    ...(chain ? [] : ['that the anchors stand on the ledger: its chain of hashes is not included']),
    ...(unreadable > 0 ? [`what ${unreadable} messages say: they open with no key`] : []),
    ...(opened + unreadable === 0 && messages.length > 0
      ? ['what the messages say: their key is not included']
      : []),
  ];
  return {
    kind: KIND,
    ok: problems.length === 0,
    problems,
    proven:
      problems.length > 0
        ? []
        : [
            `${messages.length} messages in their order, ${covered} of them anchored`,
            `${anchors.length} operations signed by participants${chain ? ', on the ledger’s chain' : ''}`,
            `${opened} texts are what was sealed`,
          ],
    notProven,
    facts: {
      consultation: consultation.id,
      messages: messages.length,
      anchored: covered,
      anchors: anchors.length,
      opened,
    },
  };
}

function sayWhy(error: unknown): string {
  if (error instanceof NotProven || error instanceof LedgerError || error instanceof GatewayError)
    return error.message;
  if (error instanceof SyntaxError || error instanceof z.ZodError) return 'a part can not be read';
  throw error;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
