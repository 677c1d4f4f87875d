// Brings a workload's state onto the platform before anything is measured.
import { BenchError } from '../errors.js';
import type { Answer, Call, Connection } from '../platforms/index.js';
import type { Preparation } from '../workloads/index.js';

/** Calls under way at once while state is brought in. */
const UNDER_WAY = 4000;

/**
 * @param told called with how many calls are in
 * @returns how many calls it took
 * @throws BenchError PREPARATION when one is not applied
 */
export async function prepareState(
  preparation: Preparation,
  connection: Connection,
  signal: AbortSignal,
  told: (calls: number) => void,
): Promise<number> {
  let count = 0;
  for (const phase of preparation.phases) {
    const underWay = new Set<Promise<void>>();
    for (const call of phase) {
      if (signal.aborted) throw new BenchError('PREPARATION', 'stopped while state was brought in');
      const one = applied(connection, call).then(() => {
        underWay.delete(one);
        told(++count);
      });
      underWay.add(one);
      if (underWay.size >= UNDER_WAY) await Promise.race(underWay);
    }
    await Promise.all(underWay);
  }
  return count;
}

async function applied(connection: Connection, call: Call): Promise<void> {
  let answer: Answer;
  try {
    answer = await connection.call(call);
  } catch (error) {
    const message = `${call.kind} failed while state was brought in: ${String(error)}`;
    throw new BenchError('PREPARATION', message, { cause: error });
  }
  if (answer.status === 'applied') return;
  const message = `${call.kind} was refused while state was brought in: ${answer.code ?? 'no code'}`;
  throw new BenchError('PREPARATION', message);
}
