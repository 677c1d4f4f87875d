// Reading for queries: one document, or a page of a range, of an index, or of what policies say.

import { z } from 'zod';
import { canonicalise, ChaincodeError, MAX_PAGE_ITEMS, type Patient } from '../model/index.js';
import { keys, World, type below, type Key } from '../state/index.js';
import type { RecordsContext } from './environment.js';

/** One page of a list. `bookmark` is empty when there is no more. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly bookmark: string;
}

export interface Entry<T> {
  readonly key: string;
  readonly value: T;
}

export interface PageRequest {
  readonly pageSize: number;
  readonly bookmark: string;
}

export async function one(context: RecordsContext, key: Key<unknown>): Promise<string> {
  const bytes = await context.stub.getState(key.name);
  if (bytes.length === 0) throw new ChaincodeError('NOT_FOUND', 'there is no such document');
  return Buffer.from(bytes).toString('utf8');
}

type Range = ReturnType<typeof below>;

async function page<T>(
  context: RecordsContext,
  range: Range,
  { pageSize, bookmark }: PageRequest,
): Promise<Page<Entry<T>>> {
  const size = parse(z.int().min(1).max(MAX_PAGE_ITEMS), pageSize, 'page size');
  // A bookmark is where a range goes on: one from elsewhere would start in somebody else's documents.
  if (bookmark !== '' && (bookmark < range.start || bookmark >= range.end))
    throw new ChaincodeError('BAD_ARGUMENTS', 'the bookmark is not of this list');
  const { iterator, metadata } = await context.stub.getStateByRangeWithPagination(
    range.start,
    range.end,
    size,
    bookmark,
  );
  const items: Entry<T>[] = [];
  try {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      // Only this chaincode writes under its keys, and `range` says which shape lies there.
      items.push({ key: next.value.key, value: decode(next.value.value) as T });
    }
  } finally {
    await iterator.close();
  }
  return { items, bookmark: metadata.bookmark };
}

export async function listed(
  context: RecordsContext,
  range: Range,
  request: PageRequest,
): Promise<string> {
  const { items, bookmark } = await page(context, range, request);
  return canonicalise({ items: items.map((entry) => entry.value), bookmark });
}

/** A page of an index, each entry replaced by the document that it leads to. */
export async function joined<T>(
  context: RecordsContext,
  range: Range,
  request: PageRequest,
  follow: (entry: Entry<T>) => Key<unknown>,
): Promise<string> {
  const world = new World(context.stub);
  const { items, bookmark } = await page<T>(context, range, request);
  const documents: unknown[] = [];
  for (const entry of items) documents.push(await world.get(follow(entry)));
  return canonicalise({ items: documents, bookmark });
}

/** A page of an index of patients, each replaced by what `pick` takes from their policy. */
export async function policies(
  context: RecordsContext,
  range: Range,
  request: PageRequest,
  pick: (patient: Patient) => readonly unknown[],
): Promise<string> {
  const world = new World(context.stub);
  const { items, bookmark } = await page(context, range, request);
  const picked: unknown[] = [];
  for (const entry of items) {
    const user = await world.get(keys.user(lastPart(entry.key)));
    if (user?.role === 'patient') picked.push(...pick(user));
  }
  return canonicalise({ items: picked, bookmark });
}

export function decode(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw new ChaincodeError('BAD_ARGUMENTS', 'that is not JSON');
  }
}

export function lastPart(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

export function parse<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const read = schema.safeParse(value);
  if (!read.success)
    throw new ChaincodeError('BAD_ARGUMENTS', `${name}: ${z.prettifyError(read.error)}`);
  return read.data;
}

/**
 * A page of the states that a document has been in, newest first. Fabric pages no histories: the bookmark is the last
 * transaction of the page before, and what lies before it is passed over.
 */
export async function statesOf(
  context: RecordsContext,
  key: Key<unknown>,
  { pageSize, bookmark }: PageRequest,
): Promise<string> {
  const size = parse(z.int().min(1).max(MAX_PAGE_ITEMS), pageSize, 'page size');
  const items: { transactionId: string; committedAt: number; document: unknown }[] = [];
  let passing = bookmark !== '';
  let more = false;
  const iterator = await context.stub.getHistoryForKey(key.name);
  try {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      const { txId, timestamp, value } = next.value;
      more = items.length === size;
      if (more) break;
      const { seconds, nanos } = timestamp;
      const committedAt = Number(seconds) * 1000 + Math.floor(nanos / 1_000_000);
      if (!passing) items.push({ transactionId: txId, committedAt, document: decode(value) });
      else if (txId === bookmark) passing = false;
    }
  } finally {
    await iterator.close();
  }
  if (passing) throw new ChaincodeError('BAD_ARGUMENTS', 'the bookmark is not of this list');
  return canonicalise({ items, bookmark: more ? (items.at(-1)?.transactionId ?? '') : '' });
}
