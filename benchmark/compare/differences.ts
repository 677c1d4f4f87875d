// What else differs between two sides: a change of their figures may be a change of the machine's.
import type { Manifest, RunResult } from '../results/result.js';

export interface Difference {
  readonly what: string;
  readonly a: string;
  readonly b: string;
}

/** Of the machines, the versions, the trees and the seeds. */
export function differencesOf(a: Manifest, b: Manifest): Difference[] {
  return differing(factsOf(a), factsOf(b));
}

function factsOf({ machine, versions, commit, seed }: Manifest): Facts {
  const { processor, cores, memoryBytes, kernel, filesystem } = machine;
  return new Map<string, string>([
    ['processor', processor],
    ['cores', String(cores)],
    ['memory', `${memoryBytes} bytes`],
    ['kernel', kernel],
    ['file system', filesystem],
    ...Object.entries(versions).map(([name, version]) => [name, version] as const),
    ['commit', commit ?? 'unknown'],
    ['seed', String(seed)],
  ]);
}

/** Of the runs of one point, in what is no part of the question. */
export function runDifferences(a: readonly RunResult[], b: readonly RunResult[]): Difference[] {
  return differing(runFacts(a), runFacts(b));
}

/** What runs of one side don't agree on among themselves is told as all that they say. */
function runFacts(runs: readonly RunResult[]): Facts {
  const said = (of: (run: RunResult) => string): string =>
    [...new Set(runs.map(of))].toSorted().join(' | ');
  return new Map([
    ['platform version', said(({ platform }) => platform.version)],
    ['build', said(({ platform }) => platform.built)],
    ['trust', said(({ platform }) => platform.trust)],
    ['switched off', said(({ platform }) => platform.switchedOff.join(', ') || 'nothing')],
    ['lanes', said(({ platform }) => String(platform.lanes))],
    ['window', said(({ platform }) => String(platform.window))],
    ['generators', said(({ load }) => String(load.generators))],
    ['drain', said(({ load }) => `${load.drainMs / 1000} s`)],
    ['workload seed', said(({ workload }) => String(workload.seed))],
  ]);
}

type Facts = ReadonlyMap<string, string>;

function differing(a: Facts, b: Facts): Difference[] {
  const names = new Set([...a.keys(), ...b.keys()]);
  return [...names].flatMap((what) => {
    const [ofA, ofB] = [a.get(what) ?? 'none', b.get(what) ?? 'none'];
    return ofA === ofB ? [] : [{ what, a: ofA, b: ofB }];
  });
}
