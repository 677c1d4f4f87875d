// Processor time of this process, thread by thread: on a machine that others use, it says more than the clock does.
import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds that each thread has run, by thread id. Linux only: elsewhere there are none. */
export type ThreadTimes = ReadonlyMap<number, number>;

export function threadTimes(): ThreadTimes {
  const times = new Map<number, number>();
  try {
    for (const thread of readdirSync('/proc/self/task')) {
      // A thread may have ended since it was listed; the first number is the time on a processor (proc(5), schedstat).
      const nanoseconds = Number(
        readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ')[0],
      );
      times.set(Number(thread), nanoseconds);
    }
  } catch {
    return times;
  }
  return times;
}

export interface Spent {
  /** Microseconds of the thread that runs the program. */
  readonly main: number;
  /** Of every other thread, the busiest first. */
  readonly others: readonly number[];
  readonly total: number;
}

/** What has been spent since. Threads that ended meanwhile are missing from all but the total. */
export function spentSince(before: ThreadTimes, cpu: NodeJS.CpuUsage): Spent {
  const { user, system } = process.cpuUsage(cpu);
  const spent = [...threadTimes()].map(
    ([thread, now]) => [thread, (now - (before.get(thread) ?? 0)) / 1000] as const,
  );
  const main = spent.find(([thread]) => thread === process.pid)?.[1] ?? 0;
  const others = spent.filter(([thread]) => thread !== process.pid).map(([, micros]) => micros);
  return { main, others: others.sort((a, b) => b - a), total: user + system };
}
