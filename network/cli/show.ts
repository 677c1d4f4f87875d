// `prms ledger show`: the chain's blocks, or the transactions of one.
import {
  type Block,
  inspectLedger,
  type LedgerInspection,
  type Transaction,
} from '../embedded/index.js';
import type { Command, Output } from './command.js';

/** The list for people ends here; JSON and `--block` reach every block. */
const LAST_BLOCKS = 20;

export async function showLedger(command: Command, { out }: Output): Promise<number> {
  const { dir, json, block } = command;
  const ledger = await inspectLedger(dir);
  try {
    const shown = block === undefined ? await overview(ledger) : detail(await ledger.block(block));
    out(json ? `${JSON.stringify(shown)}\n` : describe(shown));
  } finally {
    await ledger.close();
  }
  return 0;
}

interface BlockLine {
  readonly block: number;
  readonly hash: string;
  readonly transactions: number;
}

interface Overview {
  readonly channel: string;
  readonly createdAt: string;
  readonly height: number;
  readonly lastBlocks: readonly BlockLine[];
}

interface Detail extends BlockLine {
  readonly previousHash: string;
  readonly contents: readonly ReturnType<typeof transactionDetail>[];
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const lineOf = (block: Block): BlockLine => ({
  block: block.number,
  hash: hex(block.hash),
  transactions: block.transactions.length,
});

async function overview(ledger: LedgerInspection): Promise<Overview> {
  const { config, height } = ledger;
  const lastBlocks: BlockLine[] = [];
  for (let number = Math.max(0, height - LAST_BLOCKS); number < height; number++) {
    lastBlocks.push(lineOf(await ledger.block(number)));
  }
  const createdAt = new Date(config.createdMs).toISOString();
  return { channel: config.channel, createdAt, height, lastBlocks };
}

function detail(block: Block): Detail {
  const contents = block.transactions.map(transactionDetail);
  return { ...lineOf(block), previousHash: hex(block.previousHash), contents };
}

function transactionDetail({ id, proposal, outcome, validation }: Transaction) {
  return {
    transactionId: id,
    chaincode: proposal.chaincode,
    fn: proposal.fn,
    at: new Date(proposal.timestampMs).toISOString(),
    creator: proposal.creator.mspId,
    validation,
    argumentBytes: proposal.args.reduce((sum, arg) => sum + Buffer.byteLength(arg), 0),
    reads: outcome.reads.length,
    writes: outcome.writes.map(({ key, value }) => ({
      key,
      bytes: value === null ? null : value.length,
    })),
    event: outcome.event?.name ?? null,
  };
}

function describe(shown: Overview | Detail): string {
  if ('contents' in shown) {
    const head = `block ${shown.block}  ${shown.hash}\nfollows  ${shown.previousHash}\n`;
    return head + shown.contents.map(describeTransaction).join('');
  }
  const head = `channel ${shown.channel}, begun ${shown.createdAt}, ${shown.height} blocks\n`;
  const lines = shown.lastBlocks.map(
    ({ block, hash, transactions }) =>
      `${String(block).padStart(8)}  ${hash}  ${transactions} tx\n`,
  );
  return head + lines.join('');
}

function describeTransaction(transaction: Detail['contents'][number]): string {
  const { transactionId, chaincode, fn, at, creator, validation, argumentBytes, writes } =
    transaction;
  const lines = [
    `  ${transactionId}  ${validation}`,
    `    ${chaincode}/${fn}, ${argumentBytes} bytes of arguments, by ${creator} at ${at}`,
    ...writes.map(({ key, bytes }) => {
      const what = bytes === null ? 'deletes' : `writes ${bytes} bytes to`;
      return `    ${what} ${JSON.stringify(key)}`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}
