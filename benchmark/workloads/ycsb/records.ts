// YCSB's records: their keys in hashed order, and random values made from the seed.
import { FIELD_BYTES, FIELDS } from '../../chaincodes/ycsb.js';
import { hashOf, hashText } from '../../stats/fnv.js';
import { type Random, randomOf } from '../../stats/random.js';
import type { WorkloadSetting } from '../workload.js';

export const recordCount = ({ quick }: Pick<WorkloadSetting, 'quick'>): number =>
  quick ? 1000 : 100_000;

/** Records that follow each other in time lie anywhere in the order of keys. */
export const keyOf = (record: number): string => `user${hashText(hashOf(record))}`;

/** Streams of the seed from here on are records', one each. */
const RECORD_STREAMS = 0x10000000;

/** What a record is inserted with, the same for every run of a seed. */
export function firstFields(seed: number, record: number): string[] {
  const random = randomOf(seed, RECORD_STREAMS + record);
  return Array.from({ length: FIELDS }, () => fieldValue(random));
}

export function insertLine(id: string, seed: number, record: number): string {
  return `${id} insert ${keyOf(record)} ${firstFields(seed, record).join(' ')}`;
}

const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
const BITS = 6;
/** A random number has 32 bits: enough for so many letters. */
const LETTERS_AT_ONCE = 5;

/** {@link FIELD_BYTES} of printable text. */
export function fieldValue(random: Random): string {
  const value = Buffer.allocUnsafe(FIELD_BYTES);
  let bits = 0;
  for (let at = 0; at < FIELD_BYTES; at++) {
    if (at % LETTERS_AT_ONCE === 0) bits = Math.floor(random() * 2 ** (BITS * LETTERS_AT_ONCE));
    value[at] = ALPHABET[bits % ALPHABET.length] ?? 0;
    bits = Math.floor(bits / ALPHABET.length);
  }
  return value.toString('latin1');
}
