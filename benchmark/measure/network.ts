// What went over the machine's network interfaces, loopback included. The kernel counts traffic by interface and not by
// process, so this is the whole machine's; local sockets (the embedded ledger's) are no network and not in it.
import { readFile } from 'node:fs/promises';

/** Bytes sent by all interfaces since they are up; undefined where the kernel doesn't say (proc(5), net/dev). */
export async function sentBytes(): Promise<number | undefined> {
  try {
    return sentIn(await readFile('/proc/net/dev', 'utf8'));
  } catch {
    return undefined;
  }
}

/** The ninth number of each interface's line, added up. */
export function sentIn(netDev: string): number {
  let sum = 0;
  for (const line of netDev.split('\n')) {
    const [, numbers] = /^\s*[^:\s]+:\s*([0-9 ]+)$/.exec(line) ?? [];
    if (numbers !== undefined) sum += Number(numbers.trim().split(/ +/)[8] ?? 0);
  }
  return sum;
}
