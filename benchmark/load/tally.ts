// What one generator saw, counted as it happens. Tallies of several generators are added up.
import type { Answer, Call, CallError } from '../platforms/index.js';
import type { Counts, SeriesRow } from '../results/result.js';
import { type EncodedLatencies, Latencies } from '../stats/latencies.js';
import type { Applied, EndedStages } from '../workloads/index.js';

type Ending = Exclude<keyof Counts, 'offered' | 'sent'>;

const NOTHING: Counts = {
  offered: 0,
  sent: 0,
  succeeded: 0,
  refused: 0,
  conflicted: 0,
  failed: 0,
  lost: 0,
};

/** A tally as it travels from a generator's thread. */
export interface EncodedTally {
  readonly counts: Counts;
  readonly attempts: Readonly<Record<string, number>>;
  readonly codes: Readonly<Record<string, number>>;
  readonly transactions: readonly string[];
  readonly firstDueMs: number | null;
  readonly lastCommitMs: number | null;
  readonly latency: EncodedLatencies;
  readonly refused: EncodedLatencies;
  readonly lateness: EncodedLatencies;
  readonly stages: Readonly<Record<string, EncodedLatencies>>;
  readonly kinds: Readonly<Record<string, { counts: Counts; latency: EncodedLatencies }>>;
  readonly seconds: readonly {
    readonly offered: number;
    readonly ended: Pick<Counts, Ending>;
    readonly latency: EncodedLatencies | null;
  }[];
  readonly applied: readonly Applied[];
  /** Ordered calls that may or may not lie on the ledger: sent, and how they ended is not known. */
  readonly lostCalls: readonly Call[];
}

interface Second {
  offered: number;
  readonly ended: Record<Ending, number>;
  latency: Latencies | undefined;
}

interface Kind {
  readonly counts: Record<keyof Counts, number>;
  readonly latency: Latencies;
}

export class Tally {
  readonly counts: Record<keyof Counts, number> = { ...NOTHING };
  readonly latency = new Latencies();
  readonly refused = new Latencies();
  readonly lateness = new Latencies();
  readonly #attempts: Record<string, number> = {};
  readonly #codes: Record<string, number> = {};
  readonly #transactions = new Set<string>();
  readonly #stages = new Map<string, Latencies>();
  readonly #kinds = new Map<string, Kind>();
  readonly #seconds: Second[] = [];
  readonly #applied: Applied[] = [];
  readonly #unknown = new Set<Call>();
  #firstDueMs: number | undefined;
  #lastCommitMs: number | undefined;

  /** @param keepApplied remember what went onto the ledger, for the workload's own check */
  constructor(private readonly keepApplied: boolean) {}

  due(intendedMs: number, latenessMs: number): void {
    this.counts.offered++;
    this.lateness.record(latenessMs);
    this.#second(intendedMs).offered++;
    this.#firstDueMs = Math.min(this.#firstDueMs ?? intendedMs, intendedMs);
  }

  sent(call: Call, waitedMs: number): void {
    this.counts.sent++;
    if (this.keepApplied && call.way === 'ordered') this.#unknown.add(call);
    const kind = this.#kind(call.kind);
    kind.counts.offered++;
    kind.counts.sent++;
    this.#stage('wait', waitedMs);
    this.spent(call.stagesMs);
  }

  answered(call: Call, answer: Answer, intendedMs: number, endMs: number): void {
    const { status, attempts, code, place, stagesMs } = answer;
    this.#unknown.delete(call);
    // A refusal that the workload did not mean is a failure, however correct the platform found it.
    const ending =
      status === 'applied' ? 'succeeded' : call.refusable === true ? 'refused' : 'failed';
    bump(this.#attempts, String(attempts));
    if (code !== undefined) bump(this.#codes, code);
    this.spent(stagesMs);
    this.#end(call.kind, ending, endMs - intendedMs, endMs);
    if (ending !== 'failed') this.#lastCommitMs = Math.max(this.#lastCommitMs ?? endMs, endMs);
    if (place === undefined) return;
    this.#transactions.add(place.transactionId);
    if (this.keepApplied && call.way === 'ordered') {
      const known = { kind: call.kind, line: call.line, status, place };
      this.#applied.push(code === undefined ? known : { ...known, code });
    }
  }

  /** What a call took, by stage: of the workload's before it was sent, of the platform's, of the workload's after its end. */
  spent(stagesMs: EndedStages | undefined): void {
    for (const stage in stagesMs) this.#stage(stage, stagesMs[stage] ?? 0);
  }

  failed(call: Call, error: CallError, endMs: number): void {
    if (error.code !== 'LOST') this.#unknown.delete(call);
    bump(this.#attempts, String(error.attempts));
    bump(this.#codes, error.code === 'FAILED' ? error.message.slice(0, 80) : error.code);
    const ending = ({ CONFLICTED: 'conflicted', LOST: 'lost', FAILED: 'failed' } as const)[
      error.code
    ];
    this.#end(call.kind, ending, undefined, endMs);
  }

  /** Due and never sent, or sent and never answered. */
  lost(count: number): void {
    this.counts.lost += count;
    this.latency.recordOver(count);
  }

  encode(): EncodedTally {
    const kinds = [...this.#kinds].map(([name, { counts, latency }]) => [
      name,
      { counts, latency: latency.encode() },
    ]);
    const stages = [...this.#stages].map(([name, latency]) => [name, latency.encode()]);
    return {
      counts: this.counts,
      attempts: this.#attempts,
      codes: this.#codes,
      transactions: [...this.#transactions],
      firstDueMs: this.#firstDueMs ?? null,
      lastCommitMs: this.#lastCommitMs ?? null,
      latency: this.latency.encode(),
      refused: this.refused.encode(),
      lateness: this.lateness.encode(),
      stages: Object.fromEntries(stages) as EncodedTally['stages'],
      kinds: Object.fromEntries(kinds) as EncodedTally['kinds'],
      seconds: this.#seconds.map(({ offered, ended, latency }) => ({
        offered,
        ended,
        latency: latency?.encode() ?? null,
      })),
      applied: this.#applied,
      lostCalls: [...this.#unknown],
    };
  }

  #end(kindName: string, ending: Ending, latencyMs: number | undefined, endMs: number): void {
    const kind = this.#kind(kindName);
    const second = this.#second(endMs);
    this.counts[ending]++;
    kind.counts[ending]++;
    second.ended[ending]++;
    if (ending === 'refused') {
      this.refused.record(latencyMs ?? 0);
    } else if (ending === 'succeeded' && latencyMs !== undefined) {
      this.latency.record(latencyMs);
      kind.latency.record(latencyMs);
    } else {
      this.latency.recordOver();
      kind.latency.recordOver();
      return;
    }
    second.latency ??= new Latencies(2);
    second.latency.record(latencyMs ?? 0);
  }

  #kind(name: string): Kind {
    let kind = this.#kinds.get(name);
    if (kind === undefined) {
      kind = { counts: { ...NOTHING }, latency: new Latencies() };
      this.#kinds.set(name, kind);
    }
    return kind;
  }

  #stage(name: string, ms: number): void {
    let stage = this.#stages.get(name);
    if (stage === undefined) {
      stage = new Latencies();
      this.#stages.set(name, stage);
    }
    stage.record(ms);
  }

  #second(atMs: number): Second {
    const at = Math.max(0, Math.floor(atMs / 1000));
    while (this.#seconds.length <= at) this.#seconds.push(emptySecond());
    const second = this.#seconds[at];
    if (second === undefined) throw new RangeError(`there is no second ${at}`);
    return second;
  }
}

function emptySecond(): Second {
  const ended = { succeeded: 0, refused: 0, conflicted: 0, failed: 0, lost: 0 };
  return { offered: 0, ended, latency: undefined };
}

function bump(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

/** Several generators' tallies as one. */
export class TallySum {
  readonly counts: Record<keyof Counts, number> = { ...NOTHING };
  readonly attempts: Record<string, number> = {};
  readonly codes: Record<string, number> = {};
  readonly transactions = new Set<string>();
  readonly latency = new Latencies();
  readonly refused = new Latencies();
  readonly lateness = new Latencies();
  readonly stages: Record<string, Latencies> = {};
  readonly kinds: Record<string, Kind> = {};
  readonly applied: Applied[] = [];
  readonly lostCalls: Call[] = [];
  readonly #seconds: Second[] = [];
  firstDueMs: number | null = null;
  lastCommitMs: number | null = null;

  add(tally: EncodedTally): void {
    addAll(this.counts, tally.counts);
    addAll(this.attempts, tally.attempts);
    addAll(this.codes, tally.codes);
    for (const id of tally.transactions) this.transactions.add(id);
    this.latency.add(Latencies.decode(tally.latency));
    this.refused.add(Latencies.decode(tally.refused));
    this.lateness.add(Latencies.decode(tally.lateness));
    for (const [name, stage] of Object.entries(tally.stages)) {
      (this.stages[name] ??= new Latencies()).add(Latencies.decode(stage));
    }
    for (const [name, { counts, latency }] of Object.entries(tally.kinds)) {
      const kind = (this.kinds[name] ??= { counts: { ...NOTHING }, latency: new Latencies() });
      addAll(kind.counts, counts);
      kind.latency.add(Latencies.decode(latency));
    }
    tally.seconds.forEach((second, at) => {
      const own = (this.#seconds[at] ??= emptySecond());
      own.offered += second.offered;
      addAll(own.ended, second.ended);
      if (second.latency !== null) {
        (own.latency ??= new Latencies()).add(Latencies.decode(second.latency));
      }
    });
    for (const one of tally.applied) this.applied.push(one);
    for (const call of tally.lostCalls) this.lostCalls.push(call);
    this.firstDueMs = least(this.firstDueMs, tally.firstDueMs);
    this.lastCommitMs = greatest(this.lastCommitMs, tally.lastCommitMs);
  }

  series(): SeriesRow[] {
    let backlog = 0;
    return this.#seconds.map(({ offered, ended, latency }, second) => {
      const { succeeded, refused, conflicted, failed, lost } = ended;
      backlog += offered - succeeded - refused - conflicted - failed - lost;
      return {
        second,
        offered,
        succeeded,
        refused,
        failed: conflicted + failed + lost,
        backlog,
        p50Ms: shown(latency?.quantileMs(0.5)),
        p99Ms: shown(latency?.quantileMs(0.99)),
        maxMs: shown(latency?.quantileMs(1)),
      };
    });
  }
}

const shown = (value: number | 'over' | null | undefined): number | null =>
  typeof value === 'number' ? value : null;

function addAll(to: Record<string, number>, from: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(from)) to[name] = (to[name] ?? 0) + count;
}

function least(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

function greatest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}
