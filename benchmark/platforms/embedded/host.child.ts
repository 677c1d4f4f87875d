// The process that holds the embedded ledger while generators call it: `node host.child.js <folder> <chaincode> <socket>`.
// It says `ready` to its parent over IPC, and ends when the parent says `stop` or goes away.
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  type BlockSummary,
  type EmbeddedLedger,
  LedgerError,
  openEmbeddedLedger,
} from '@prms/network';
import { deployment } from '../../chaincodes/index.js';
import { frame, readFrames, type Request, type Response } from './wire.js';

const [dir = '', chaincode = '', socketPath = ''] = process.argv.slice(2);

async function main(): Promise<void> {
  const { contracts, announce } = deployment(chaincode);
  const ledger = await openEmbeddedLedger({
    dir: join(dir, 'ledger'),
    channel: 'bench',
    chaincodes: { [chaincode]: contracts },
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    readFrames(socket, (id, head, tail) => {
      const request = head as Request;
      if (request.ask === 'announce') {
        if (announce !== undefined) tail.split('\n').forEach(announce);
        return;
      }
      void answer(ledger, request, tail).then(({ response, result }) => {
        if (socket.writable) socket.write(frame(id, response, result));
      });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  const stop = async (): Promise<void> => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await ledger.close();
    process.exit(0);
  };
  process.once('disconnect', () => void stop());
  // A terminal's Ctrl-C reaches the whole group: the parent decides when this ends, after what is under way.
  process.on('SIGINT', () => undefined);
  process.send?.('ready');
}

interface Answered {
  readonly response: Response;
  /** What the chaincode's function returned. */
  readonly result?: string;
}

async function answer(
  ledger: EmbeddedLedger,
  request: Exclude<Request, { ask: 'announce' }>,
  tail: string,
): Promise<Answered> {
  try {
    if (request.ask === 'height') return { response: { ok: true, value: await ledger.height() } };
    if (request.ask !== 'blocks') return await called(ledger, request, tail);
    const value = await blocksFrom(ledger, request.fromBlock);
    return { response: { ok: true, value } };
  } catch (error) {
    const code = error instanceof LedgerError ? error.code : 'CHAINCODE_FAILED';
    const message = error instanceof Error ? error.message : String(error);
    return { response: { ok: false, code, message } };
  }
}

async function called(
  ledger: EmbeddedLedger,
  { ask, chaincode: name, fn, args, count, deadlineMs }: Extract<Request, { chaincode: string }>,
  tail: string,
): Promise<Answered> {
  const all = [...args, tail].slice(0, count);
  if (ask === 'evaluate') {
    const result = text(await ledger.evaluate(name, fn, all));
    return { response: { ok: true, value: null }, result };
  }
  const options = deadlineMs === undefined ? {} : { deadlineMs };
  const { result, ...committed } = await ledger.submit(name, fn, all, options);
  return { response: { ok: true, value: committed }, result: text(result) };
}

/** At most so many at once; the caller asks on. */
const BLOCKS_AT_ONCE = 1000;

async function blocksFrom(ledger: EmbeddedLedger, fromBlock: number): Promise<BlockSummary[]> {
  const height = Math.min(await ledger.height(), fromBlock + BLOCKS_AT_ONCE);
  const found: BlockSummary[] = [];
  if (fromBlock >= height) return found;
  for await (const block of ledger.blocks({ fromBlock })) {
    found.push(block);
    if (block.number >= height - 1) break;
  }
  return found;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

await main();
