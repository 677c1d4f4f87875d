// What somebody sees while runs go on: one line that is written over, or on no terminal a line a run.
import type { Percentiles, RunResult } from '../results/result.js';
import type { Stage } from '../run/run.js';
import type { Output } from './output.js';

const CLEAR = '\r\u001b[2K';

export class Display {
  #shown = false;

  constructor(private readonly output: Output) {}

  told(stage: Stage, run: string, at: number, of: number): void {
    if (!this.output.errIsTerminal) return;
    this.output.err(`${CLEAR}[${at}/${of}] ${run}: ${wordsOf(stage)}`);
    this.#shown = true;
  }

  finished(result: RunResult): void {
    this.clear();
    this.output.err(`${summary(result)}\n`);
  }

  clear(): void {
    if (this.#shown) this.output.err(CLEAR);
    this.#shown = false;
  }
}

function wordsOf(stage: Stage): string {
  if (stage.stage === 'preparing') return `bringing in state, ${stage.calls} calls`;
  if (stage.stage !== 'running') return stage.stage;
  const { elapsedMs, offered, ended, failed } = stage;
  const seconds = (elapsedMs / 1000).toFixed(0);
  return `${seconds} s, offered ${offered}, ended ${ended}, under way ${offered - ended}, failed ${failed}`;
}

/** A run in a few lines. */
export function summary(result: RunResult): string {
  const { succeeded, refused, conflicted, failed, lost, latencyMs } = result;
  const marks = [
    result.valid ? '' : `INVALID: ${result.invalidBecause.join('; ')}`,
    result.overload ? 'overload' : '',
    result.interrupted ? 'interrupted' : '',
  ].filter((mark) => mark !== '');
  const lines = [
    `${result.run}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`,
    `  ${rounded(result.operationsPerSecond)} operations/s in ${rounded(result.transactionsPerSecond)} transactions/s; ` +
      `offered ${result.offered}, succeeded ${succeeded}, refused ${refused}, conflicted ${conflicted}, failed ${failed}, lost ${lost}`,
    `  latency ${percentiles(latencyMs)}; average delay ${ms(result.averageDelayMs)} at a loss rate of ${(result.lossRate * 100).toFixed(2)} %`,
    `  lateness p99 ${ms(result.latenessMs.p99)}, generator ${result.generatorCores.toFixed(2)} cores; ` +
      result.processes.map(({ name, cores }) => `${name} ${cores.toFixed(2)} cores`).join(', '),
  ];
  if (result.check !== null) lines.push(...result.check.says.map((said) => `  ${said}`));
  return lines.join('\n');
}

function percentiles(of: Percentiles): string {
  const names = ['p50', 'p90', 'p99', 'p999', 'max'] as const;
  return names
    .map((name) => `${name} ${of.over.includes(name) ? '> ' : ''}${ms(of[name])}`)
    .join(', ');
}

const ms = (value: number | null): string => (value === null ? '–' : `${value.toFixed(1)} ms`);
const rounded = (value: number): string => Math.round(value).toLocaleString('en');
