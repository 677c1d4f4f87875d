// The core workloads A to F (Cooper et al., SoCC 2010, table 2; F as the program has it since).

export type Kind = 'read' | 'update' | 'insert' | 'scan' | 'read-modify-write';

export interface CoreWorkload {
  readonly mix: readonly (readonly [Kind, number])[];
  /** Which records are asked for. */
  readonly asks: 'scrambled zipfian' | 'latest';
  readonly says: string;
}

export const CORE: Readonly<Record<string, CoreWorkload>> = {
  a: {
    mix: [
      ['read', 0.5],
      ['update', 0.5],
    ],
    asks: 'scrambled zipfian',
    says: '50 % read, 50 % update',
  },
  b: {
    mix: [
      ['read', 0.95],
      ['update', 0.05],
    ],
    asks: 'scrambled zipfian',
    says: '95 % read, 5 % update',
  },
  c: { mix: [['read', 1]], asks: 'scrambled zipfian', says: 'reads only' },
  d: {
    mix: [
      ['read', 0.95],
      ['insert', 0.05],
    ],
    asks: 'latest',
    says: '95 % read of the latest, 5 % insert',
  },
  e: {
    mix: [
      ['scan', 0.95],
      ['insert', 0.05],
    ],
    asks: 'scrambled zipfian',
    says: '95 % scan of 1 to 100 records, 5 % insert',
  },
  f: {
    mix: [
      ['read', 0.5],
      ['read-modify-write', 0.5],
    ],
    asks: 'scrambled zipfian',
    says: '50 % read, 50 % read-modify-write in one transaction',
  },
};

/** How reads and scans reach the state; never both in one chart. */
const READS: Readonly<Record<string, string>> = {
  query: 'reads are local queries',
  ordered: 'reads are ordered through the ledger',
};

export const VARIANTS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(CORE).flatMap(([name, { says }]) =>
    Object.entries(READS).map(([reads, means]) => [`${name}-${reads}`, `${says}; ${means}`]),
  ),
);
