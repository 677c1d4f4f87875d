// Runs that give every chart of a report something to draw.
import type { MadePlatform, MadeRun } from './made-results.js';

const EMBEDDED: MadePlatform = { name: 'embedded', trust: 'one node', capacity: 2500 };
const CRASH: MadePlatform = { name: 'crash', trust: 'crash-tolerant', capacity: 600 };
const RATES = [100, 500, 2000, 4000];

/** Two platforms at four loads with three repeats, bursts, batch sizes, another workload, and runs that are not to be drawn. */
export function everyChart(): MadeRun[] {
  const open = (platform: MadePlatform, ratePerSecond: number): Omit<MadeRun, 'at'> => ({
    platform,
    load: { mode: 'open', ratePerSecond },
  });
  const repeated = [0, 1, 2].flatMap((repeat) =>
    RATES.flatMap((rate) => [
      { ...open(EMBEDDED, rate), ...(rate === 2000 && repeat === 1 && { stallAt: 4 }) },
      open(CRASH, rate),
    ]),
  );
  const bursts = [100, 1000, 10_000].map((operations) => ({
    platform: EMBEDDED,
    load: { mode: 'burst', operations } as const,
  }));
  const batches = [1, 10, 100].map((batch, at) => ({
    ...open({ ...EMBEDDED, capacity: 900 * (at + 1) }, 1500),
    workload: 'ycsb',
    variant: 'a-ordered',
    batch,
  }));
  const others: Omit<MadeRun, 'at'>[] = [
    { ...open(EMBEDDED, 500), workload: 'ycsb', variant: 'a-query' },
    {
      platform: EMBEDDED,
      workload: 'ycsb',
      variant: 'a-query',
      load: { mode: 'closed', clients: 16 },
    },
    { ...open(EMBEDDED, 500), invalidBecause: ['the generator missed its schedule'] },
    { ...open(EMBEDDED, 500), interrupted: true },
  ];
  return [...repeated, ...bursts, ...batches, ...others].map((run, at) => ({ ...run, at: at + 1 }));
}
