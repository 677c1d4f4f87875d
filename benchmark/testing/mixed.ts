// A workload whose calls end in every way there is: of twenty, one each is lost, fails, conflicts, and is refused as meant,
// and one is refused as not meant.
import type { Call } from '../platforms/index.js';
import type { Workload } from '../workloads/index.js';

const ENDINGS = ['lose', 'fail', 'conflict', 'refuse', 'refuse'] as const;

export const workload: Workload = {
  name: 'mixed',
  summary: 'every way to end',
  chaincode: 'do-nothing',
  variants: { all: 'all of them' },
  signs: false,
  prepare: () => ({ phases: [], world: () => null }),
  open: () => {
    let count = 0;
    return {
      next: (): Call => {
        const at = count++ % 20;
        const line = `m${count}`;
        return {
          kind: ENDINGS[at] ?? 'apply',
          refusable: at === 3,
          way: 'ordered',
          line,
          lane: line,
        };
      },
    };
  },
};
