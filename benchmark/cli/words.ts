// What was said on the command line, checked: `prms bench …`.
import { parseArgs } from 'node:util';
import { BenchError } from '../errors.js';
import type { Arrivals, LoadPlan } from '../load/plan.js';

/** The paper's loads, operations a second. */
export const RATES = [50, 100, 200, 500, 1000, 2000, 5000, 10_000] as const;

export interface RunWords {
  readonly platform: string;
  readonly workload: string;
  readonly variant: string | undefined;
  readonly loads: readonly LoadPlan[];
  readonly search: boolean;
  /** Of each run of an open or closed loop. */
  readonly durationMs: number;
  readonly arrivals: Arrivals;
  readonly batches: readonly (number | undefined)[];
  readonly repeats: number;
  readonly generators: number;
  readonly window: number | undefined;
  readonly lanes: number | undefined;
  readonly drainMs: number;
  readonly seed: number;
  readonly quick: boolean;
  readonly presigned: boolean;
  readonly raw: boolean;
  readonly json: boolean;
  readonly out: string | undefined;
}

const OPTIONS = {
  platform: { type: 'string', default: 'embedded' },
  workload: { type: 'string', default: 'records' },
  variant: { type: 'string' },
  rate: { type: 'string' },
  closed: { type: 'string' },
  set: { type: 'string' },
  search: { type: 'boolean', default: false },
  duration: { type: 'string' },
  arrivals: { type: 'string', default: 'constant' },
  batch: { type: 'string' },
  repeats: { type: 'string', default: '1' },
  generators: { type: 'string', default: '1' },
  window: { type: 'string' },
  lanes: { type: 'string' },
  drain: { type: 'string', default: '30s' },
  seed: { type: 'string', default: '1' },
  quick: { type: 'boolean', default: false },
  presigned: { type: 'boolean', default: false },
  raw: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  out: { type: 'string' },
} as const;

/** @throws BenchError USAGE that names the word */
export function parseRunWords(argv: readonly string[]): RunWords {
  const values = parsed(argv);
  const durationMs = duration('duration', values.duration ?? (values.quick ? '5s' : '60s'));
  const { arrivals } = values;
  if (arrivals !== 'constant' && arrivals !== 'poisson') {
    throw new BenchError('USAGE', `--arrivals is constant or poisson, not "${arrivals}"`);
  }
  return {
    platform: values.platform,
    workload: values.workload,
    variant: values.variant,
    loads: loadsOf(values, durationMs, arrivals),
    search: values.search,
    durationMs,
    arrivals,
    batches:
      values.batch === undefined
        ? [undefined]
        : values.batch.split(',').map((text) => whole('batch', text, 1, 1000)),
    repeats: whole('repeats', values.repeats, 1, 1000),
    generators: whole('generators', values.generators, 1, 64),
    window: values.window === undefined ? undefined : whole('window', values.window, 1, 1_000_000),
    lanes: values.lanes === undefined ? undefined : whole('lanes', values.lanes, 1, 256),
    drainMs: duration('drain', values.drain),
    seed: whole('seed', values.seed, 0, 0xffffffff),
    quick: values.quick,
    presigned: values.presigned,
    raw: values.raw,
    json: values.json,
    out: values.out,
  };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true }).values;
  } catch (error) {
    throw new BenchError('USAGE', error instanceof Error ? error.message : String(error));
  }
}

function loadsOf(
  values: { rate?: string; closed?: string; set?: string; search: boolean },
  durationMs: number,
  arrivals: Arrivals,
): LoadPlan[] {
  const { rate, closed, set, search } = values;
  const kinds = [rate !== undefined, closed !== undefined, set !== undefined, search];
  if (kinds.filter(Boolean).length > 1) {
    throw new BenchError('USAGE', 'one of --rate, --closed, --set and --search, not several');
  }
  if (search) return [];
  if (set !== undefined) {
    return set.split(',').map((text) => ({
      mode: 'burst',
      operations: whole('set', text, 1, 10_000_000),
    }));
  }
  if (closed !== undefined) {
    return closed.split(',').map((text) => ({
      mode: 'closed',
      clients: whole('closed', text, 1, 100_000),
      durationMs,
    }));
  }
  const rates = rate?.split(',').map((text) => positive('rate', text)) ?? RATES;
  return rates.map((ratePerSecond) => ({ mode: 'open', arrivals, ratePerSecond, durationMs }));
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new BenchError(
    'USAGE',
    `--${name} is a whole number from ${least} to ${most}, not "${text}"`,
  );
}

function positive(name: string, text: string): number {
  const value = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : NaN;
  if (value > 0 && value <= 1_000_000) return value;
  throw new BenchError('USAGE', `--${name} is a number above 0, at most 1000000, not "${text}"`);
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `500ms`, `60s`, `10m`, `1h`. */
function duration(name: string, text: string): number {
  const match = /^([0-9]+)(ms|s|m|h)$/.exec(text);
  const value = Number(match?.[1]) * (UNITS_MS[match?.[2] ?? ''] ?? NaN);
  if (value > 0 && value <= 86_400_000) return value;
  throw new BenchError('USAGE', `--${name} is a time such as 500ms, 60s or 10m, not "${text}"`);
}
