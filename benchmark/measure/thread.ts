// Processor time of the calling thread. Node tells a process's; the kernel tells a thread's (proc(5), schedstat).
import { readFileSync } from 'node:fs';

/** Milliseconds on a processor since the thread began; undefined where the kernel doesn't say. */
export function threadProcessorMs(): number | undefined {
  try {
    const [nanoseconds] = readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ');
    return Number(nanoseconds) / 1e6;
  } catch {
    return undefined;
  }
}
