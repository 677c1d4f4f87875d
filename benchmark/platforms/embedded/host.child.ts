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
  const { contracts } = deployment(chaincode);
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
    readFrames(socket, (id, message) => {
      void answer(ledger, message as Request).then((response) => {
        if (socket.writable) socket.write(frame(id, response));
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

async function answer(ledger: EmbeddedLedger, request: Request): Promise<Response> {
  try {
    return { ok: true, value: await valueOf(ledger, request) };
  } catch (error) {
    if (!(error instanceof LedgerError)) {
      return { ok: false, code: 'CHAINCODE_FAILED', message: String(error) };
    }
    return { ok: false, code: error.code, message: error.message };
  }
}

async function valueOf(ledger: EmbeddedLedger, request: Request): Promise<unknown> {
  if (request.ask === 'height') return ledger.height();
  if (request.ask === 'blocks') return blocksFrom(ledger, request.fromBlock);
  const { chaincode: name, fn, args, deadlineMs } = request;
  if (request.ask === 'evaluate') return text(await ledger.evaluate(name, fn, args));
  const committed = await ledger.submit(
    name,
    fn,
    args,
    deadlineMs === undefined ? {} : { deadlineMs },
  );
  return { ...committed, result: text(committed.result) };
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
