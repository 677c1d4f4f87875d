// FNV-1a with 64 bits (Fowler, Noll, Vo; RFC 9923) of a number's eight bytes, least significant first: how YCSB scatters
// keys and popularity (Cooper et al., SoCC 2010). In halves of 32 bits, since whole numbers are exact to 2⁵³ only.

/** 2⁴⁰ + this is the prime of FNV with 64 bits. */
const PRIME_LOW = 0x1b3;
const WORD = 2 ** 32;

/** A number of 63 bits: `high` has 31, `low` 32. */
export interface Hash {
  readonly high: number;
  readonly low: number;
}

/** @param value a whole number from 0 to 2⁵³ − 1. As in YCSB the hash is taken for a signed number, and its sign dropped. */
export function hashOf(value: number): Hash {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  let rest = value;
  for (let octet = 0; octet < 8; octet++) {
    low = (low ^ (rest % 256)) >>> 0;
    rest = Math.floor(rest / 256);
    const product = low * PRIME_LOW;
    const carry = Math.floor(product / WORD);
    // By 2⁴⁰: the low word, eight bits up, in the high one.
    high = (Math.imul(high, PRIME_LOW) + carry + (low << 8)) >>> 0;
    low = product % WORD;
  }
  return high < WORD / 2 ? { high, low } : negated(high, low);
}

/** The hash's rest by `divisor`, a whole number below 2³⁷. */
export function hashModulo({ high, low }: Hash, divisor: number): number {
  let rest = high % divisor;
  rest = (rest * 0x10000 + (low >>> 16)) % divisor;
  return (rest * 0x10000 + (low & 0xffff)) % divisor;
}

export function hashText({ high, low }: Hash): string {
  return ((BigInt(high) << 32n) | BigInt(low)).toString();
}

function negated(high: number, low: number): Hash {
  return { high: (~high + (low === 0 ? 1 : 0)) >>> 0, low: -low >>> 0 };
}
