// Opens a ledger's folder: begins the chain with its genesis block, or checks that what is there can be built on.
import { createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import { LedgerError } from '../ledger.js';
import { type Block, decodeBlock, encodeGenesis, headerBytes } from './block.js';
import { MalformedBytes } from './bytes.js';
import { encodeHead, type Head } from './committer.js';
import {
  createIdentity,
  type Identity,
  makePrivateFolder,
  publicKeyOf,
  readNodeKey,
  signBytes,
  verifyBytes,
  writeNodeKey,
} from './identity.js';
import { blockKey, HEAD_KEY } from './keys.js';
import type { Store, StoreReader } from './store.js';

export interface OpenChainOptions {
  readonly dir: string;
  readonly channel: string;
  readonly mspId: string;
  readonly clock: () => number;
  readonly openStore: (dir: string) => Promise<Store>;
}

export interface OpenChain {
  readonly store: Store;
  readonly head: Head;
  readonly node: Identity;
}

/** The database's folder inside the ledger's. */
export const storeFolder = (dir: string): string => join(dir, 'db');

const CHANNEL_NAME = /^[a-z][a-z0-9.-]{0,248}$/;

export async function openChain(options: OpenChainOptions): Promise<OpenChain> {
  const { dir, channel } = options;
  if (!CHANNEL_NAME.test(channel)) {
    const message = `"${channel}" can't name a channel: a small letter, then small letters, digits, dots and dashes`;
    throw new LedgerError('INVALID', message, { channel });
  }
  await makePrivateFolder(dir);
  // The store's lock comes first: two processes must not both begin the chain.
  const store = await options.openStore(storeFolder(dir));
  try {
    const head = await readHead(store);
    if (head === undefined) return { store, ...(await beginChain(store, options)) };
    return { store, ...(await resumeChain(store, head, options)) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The stored head, or undefined in an empty store. @throws LedgerError CORRUPT */
export async function readHead(reader: StoreReader): Promise<Head | undefined> {
  const [bytes, genesis] = await reader.getMany([HEAD_KEY, blockKey(0)]);
  if (bytes === undefined && genesis === undefined) return undefined;
  const match = /^([1-9][0-9]*) ([0-9a-f]{64})$/.exec(bytes?.toString() ?? '');
  const [, height, hash] = match ?? [];
  if (height === undefined || hash === undefined) {
    throw new LedgerError('CORRUPT', 'the ledger does not say how high it is', {});
  }
  return { height: Number(height), hash: Buffer.from(hash, 'hex') };
}

/** @throws LedgerError NOT_FOUND | CORRUPT */
export async function readBlock(reader: StoreReader, number: number): Promise<Block> {
  const valid = Number.isSafeInteger(number) && number >= 0;
  const [bytes] = valid ? await reader.getMany([blockKey(number)]) : [];
  if (bytes === undefined) {
    throw new LedgerError('NOT_FOUND', `there is no block ${number}`, { block: number });
  }
  try {
    const block = decodeBlock(bytes);
    if (block.number === number) return block;
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    const message = `block ${number} can't be read: ${error.message}`;
    throw new LedgerError('CORRUPT', message, { block: number }, { cause: error });
  }
  throw new LedgerError('CORRUPT', `block ${number} says it is another one`, { block: number });
}

async function beginChain(
  store: Store,
  { dir, channel, mspId, clock }: OpenChainOptions,
): Promise<Omit<OpenChain, 'store'>> {
  // A key without a chain is left by a crash between the two: it has signed nothing, and serves.
  const key = await readNodeKey(dir);
  const keyPair = key && { privateKey: key, publicKey: createPublicKey(key) };
  const name = { mspId, commonName: `node of ${channel}` };
  const node = await createIdentity(keyPair === undefined ? name : { ...name, keyPair });
  if (key === undefined) await writeNodeKey(dir, node.privateKey);
  const { certificate } = node;
  const config = { channel, node: { mspId, certificate }, createdMs: clock() };
  const genesis = encodeGenesis(config, (bytes) => signBytes(node.privateKey, bytes));
  const head = { height: 1, hash: genesis.hash };
  await store.write(
    [
      { type: 'put', key: blockKey(0), value: genesis.bytes },
      { type: 'put', key: HEAD_KEY, value: encodeHead(head) },
    ],
    { durable: true },
  );
  return { head, node };
}

async function resumeChain(
  store: Store,
  head: Head,
  { dir, channel }: OpenChainOptions,
): Promise<Omit<OpenChain, 'store'>> {
  const { config } = await readBlock(store, 0);
  if (config === null) {
    throw new LedgerError('CORRUPT', 'block 0 is not a genesis block', { block: 0 });
  }
  if (config.channel !== channel) {
    const message = `the ledger in ${dir} is channel ${config.channel}, not ${channel}`;
    throw new LedgerError('INVALID', message, { dir, channel });
  }
  const privateKey = await readNodeKey(dir);
  const nodeKey = publicKeyOf(config.node.certificate);
  if (privateKey === undefined || !createPublicKey(privateKey).equals(nodeKey)) {
    const message = `node-key.pem in ${dir} is missing or is not the key that began this ledger: put it back`;
    throw new LedgerError('INVALID', message, { dir });
  }
  const number = head.height - 1;
  const last = await readBlock(store, number);
  const signed = verifyBytes(nodeKey, headerBytes(last), last.signature);
  if (!signed || !Buffer.from(last.hash).equals(head.hash)) {
    const message = `block ${number}, the last one, is not what the ledger wrote: run \`prms ledger verify\``;
    throw new LedgerError('CORRUPT', message, { block: number, dir });
  }
  return { head, node: { ...config.node, privateKey } };
}
