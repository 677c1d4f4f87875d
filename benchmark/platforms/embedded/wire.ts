// How a generator talks to the process that holds the embedded ledger: frames over a local socket.
// A frame is a length (u32, the rest's bytes), an id (u32), and JSON text (UTF-8). One message carries one port call, so with
// batches of hundreds of operations a second's traffic is some dozens of frames.
import type { Socket } from 'node:net';

export const MAX_FRAME_BYTES = 64 * 1024 * 1024;
const HEADER_BYTES = 8;

export function frame(id: number, message: unknown): Buffer {
  const text = JSON.stringify(message);
  const bytes = Buffer.byteLength(text);
  const out = Buffer.allocUnsafe(HEADER_BYTES + bytes);
  out.writeUInt32LE(bytes, 0);
  out.writeUInt32LE(id, 4);
  out.write(text, HEADER_BYTES);
  return out;
}

/** Calls `each` for every whole frame that arrives. A frame beyond the limit ends the connection. */
export function readFrames(socket: Socket, each: (id: number, message: unknown) => void): void {
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
      each(rest.readUInt32LE(4), JSON.parse(rest.toString('utf8', HEADER_BYTES, need)));
      rest = rest.subarray(need);
    }
    parts = rest.length === 0 ? [] : [rest];
    have = rest.length;
  });
}

/** What may be asked. */
export type Request =
  | {
      readonly ask: 'submit' | 'evaluate';
      readonly chaincode: string;
      readonly fn: string;
      readonly args: readonly string[];
      readonly deadlineMs?: number;
    }
  | { readonly ask: 'blocks'; readonly fromBlock: number }
  | { readonly ask: 'height' };

/** What is answered; the error's code is the ledger port's. */
export type Response =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string };
