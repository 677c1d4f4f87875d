// Calls that are signed before the run and kept in buffers, outside of JavaScript's heap: half a million of them neither
// fill it nor are looked at whenever it is swept.
import { MAX_SKEW_MS, SHORT_LIFE_MS } from '@prms/chaincode';
import { BenchError } from '../../errors.js';
import type { OrderedCall } from '../../platforms/platform.js';
import type { Share, Stream } from '../workload.js';

/** A call, and until when the ledger takes it. */
export interface SignedCall {
  readonly call: OrderedCall;
  readonly patient: number;
  readonly expiresAt: number;
}

/** Presigned operations are issued so far ahead: half of what the ledger allows clocks to differ. */
export const AHEAD_MS = MAX_SKEW_MS / 2;
/** From its signing on an operation can be applied for so long. */
const LASTS_MS = AHEAD_MS + SHORT_LIFE_MS;
/** What is sent has so long to be committed. */
const MARGIN_MS = 10_000;

const CHUNK_BYTES = 8 * 1024 * 1024;
/** Expiry (f64), patient (u32), bytes of the line (u16), kind (u8), refusable (u8); then the line. */
const HEADER_BYTES = 16;

/** First in, first out. A chunk that has been read is let go. */
export class CallStore {
  readonly #chunks: Buffer[] = [];
  readonly #kinds: string[] = [];
  #writeAt = CHUNK_BYTES;
  #readAt = 0;
  #count = 0;

  /** @param laneOf the lane of a patient's calls */
  constructor(private readonly laneOf: (patient: number) => string) {}

  get count(): number {
    return this.#count;
  }

  /** @param line ASCII: base64url, digits and the names of members */
  put({ call, patient, expiresAt }: SignedCall): void {
    const { line } = call;
    const bytes = HEADER_BYTES + line.length;
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || this.#writeAt + bytes > CHUNK_BYTES) {
      this.#end(chunk);
      chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      this.#chunks.push(chunk);
      this.#writeAt = 0;
    }
    const at = this.#writeAt;
    chunk.writeDoubleLE(expiresAt, at);
    chunk.writeUInt32LE(patient, at + 8);
    chunk.writeUInt16LE(line.length, at + 12);
    chunk.writeUInt8(this.#kindNumber(call.kind), at + 14);
    chunk.writeUInt8(call.refusable === true ? 1 : 0, at + 15);
    chunk.write(line, at + HEADER_BYTES, 'latin1');
    this.#writeAt += bytes;
    this.#count++;
  }

  take(): SignedCall | undefined {
    if (this.#count === 0) return undefined;
    const chunk = this.#next();
    const at = this.#readAt;
    const lineAt = at + HEADER_BYTES;
    const end = lineAt + chunk.readUInt16LE(at + 12);
    const patient = chunk.readUInt32LE(at + 8);
    const call: OrderedCall = {
      kind: this.#kinds[chunk.readUInt8(at + 14)] ?? '',
      refusable: chunk.readUInt8(at + 15) === 1,
      way: 'ordered',
      line: chunk.toString('latin1', lineAt, end),
      lane: this.laneOf(patient),
    };
    const expiresAt = chunk.readDoubleLE(at);
    this.#count--;
    this.#readAt = end;
    return { call, patient, expiresAt };
  }

  /** Marks where the last chunk's calls end, if there is room for a mark. */
  #end(chunk: Buffer | undefined): void {
    if (chunk !== undefined && this.#writeAt + HEADER_BYTES <= CHUNK_BYTES)
      chunk.fill(0, this.#writeAt, this.#writeAt + HEADER_BYTES);
  }

  /** The buffer that the next call lies in, when there is one. */
  #next(): Buffer {
    const [chunk, after] = this.#chunks;
    if (chunk === undefined) throw new RangeError('nothing is stored');
    const at = this.#readAt;
    const read = at + HEADER_BYTES > CHUNK_BYTES || chunk.readUInt16LE(at + 12) === 0;
    if (after === undefined || !read) return chunk;
    this.#chunks.shift();
    this.#readAt = 0;
    return after;
  }

  #kindNumber(kind: string): number {
    const known = this.#kinds.indexOf(kind);
    return known >= 0 ? known : this.#kinds.push(kind) - 1;
  }
}

export interface PresignOptions {
  readonly share: Share;
  /** Wall clock: what operations say of their time. */
  readonly now: () => number;
  /** Makes and signs the next call. */
  readonly make: (issuedAt: number) => SignedCall;
  readonly laneOf: (patient: number) => string;
}

/** Others have a turn after so many signatures. */
const SIGNED_AT_ONCE = 500;

/**
 * Signs all calls of a share.
 * @throws BenchError USAGE when the first would have expired before the last is signed, or the last before it is sent
 */
export async function presign(options: PresignOptions): Promise<Stream> {
  const { share, now, make, laneOf } = options;
  const { calls, lastsMs = 0 } = share;
  if (lastsMs + MARGIN_MS > LASTS_MS) throw tooLong(`${seconds(lastsMs)} of load`);
  const store = new CallStore(laneOf);
  const beganAt = now();
  while (store.count < calls) {
    const last = Math.min(calls, store.count + SIGNED_AT_ONCE);
    while (store.count < last) store.put(make(now() + AHEAD_MS));
    const allMs = ((now() - beganAt) / store.count) * calls;
    if (allMs + MARGIN_MS > LASTS_MS) throw tooLong(`${seconds(allMs)} of signing ${calls} calls`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return new PresignedStream(store, now);
}

class PresignedStream implements Stream {
  constructor(
    private readonly store: CallStore,
    private readonly now: () => number,
  ) {}

  next(): OrderedCall {
    const signed = this.store.take();
    if (signed === undefined)
      throw new BenchError('USAGE', 'more calls than were signed beforehand');
    if (this.now() + MARGIN_MS > signed.expiresAt) throw tooLong('a call that is due now');
    return signed.call;
  }
}

const seconds = (ms: number): string => `${Math.ceil(ms / 1000)} s`;

function tooLong(what: string): BenchError {
  const most = seconds(LASTS_MS - MARGIN_MS);
  const message = `${what} can't be signed beforehand: an access can be used for ${most}. Sign during the run`;
  return new BenchError('USAGE', message);
}
