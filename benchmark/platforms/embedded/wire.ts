// How a generator talks to the process that holds the embedded ledger: frames over a local socket.
// A frame is a length (u32, the rest's bytes), an id (u32), the head's length (u32), a head (JSON), and a tail: text as it is.
// Batches and receipts travel as tails, so nobody escapes or parses them on the way. All text is UTF-8.
import type { Socket } from 'node:net';

export const MAX_FRAME_BYTES = 64 * 1024 * 1024;
const HEADER_BYTES = 12;

export function frame(id: number, head: unknown, tail = ''): Buffer {
  const text = JSON.stringify(head);
  const headBytes = Buffer.byteLength(text);
  const bytes = headBytes + Buffer.byteLength(tail);
  const out = Buffer.allocUnsafe(HEADER_BYTES + bytes);
  out.writeUInt32LE(bytes, 0);
  out.writeUInt32LE(id, 4);
  out.writeUInt32LE(headBytes, 8);
  out.write(text, HEADER_BYTES);
  out.write(tail, HEADER_BYTES + headBytes);
  return out;
}

/** Calls `each` for every whole frame that arrives. A frame beyond the limit ends the connection. */
export function readFrames(
  socket: Socket,
  each: (id: number, head: unknown, tail: string) => void,
): void {
  let parts: Buffer[] = [];
  let have = 0;
  let need = HEADER_BYTES;
  socket.on('data', (chunk: Buffer) => {
    parts.push(chunk);
    have += chunk.length;
    if (have < need) return;
    let rest = parts.length === 1 ? chunk : Buffer.concat(parts, have);
    for (need = HEADER_BYTES; rest.length >= HEADER_BYTES; need = HEADER_BYTES) {
      const bytes = rest.readUInt32LE(0);
      if (bytes > MAX_FRAME_BYTES) return void socket.destroy(new Error('a frame is too large'));
      need = HEADER_BYTES + bytes;
      if (rest.length < need) break;
      const headEnd = HEADER_BYTES + rest.readUInt32LE(8);
      const head: unknown = JSON.parse(rest.toString('utf8', HEADER_BYTES, headEnd));
      each(rest.readUInt32LE(4), head, rest.toString('utf8', headEnd, need));
      rest = rest.subarray(need);
    }
    parts = rest.length === 0 ? [] : [rest];
    have = rest.length;
  });
}

/** The id of a frame that nobody answers. */
export const UNANSWERED = 0;

/** What may be asked. A call's last argument is the frame's tail, the others are `args`; `count` says how many it has. */
export type Request =
  | {
      readonly ask: 'submit' | 'evaluate';
      readonly chaincode: string;
      readonly fn: string;
      readonly args: readonly string[];
      readonly count: number;
      readonly deadlineMs?: number;
    }
  /** Lines, in the tail, that will come in a batch before long. */
  | { readonly ask: 'announce' }
  | { readonly ask: 'blocks'; readonly fromBlock: number }
  | { readonly ask: 'height' };

/** What is answered: a call's result is the tail. An error's code is the ledger port's. */
export type Response =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string };
