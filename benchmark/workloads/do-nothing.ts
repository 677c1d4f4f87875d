// DoNothing: calls that read and write nothing. The platform's floor (Dinh et al., BLOCKBENCH, SIGMOD 2017, §3.3.2).
import type { Call } from '../platforms/index.js';
import type { Stream, Workload } from './workload.js';

class DoNothingStream implements Stream {
  #count = 0;

  constructor(private readonly prefix: string) {}

  next(): Call {
    const line = `${this.prefix}-${(this.#count++).toString(36)}`;
    return { kind: 'do-nothing', way: 'ordered', line, lane: line };
  }
}

export const doNothing: Workload = {
  name: 'do-nothing',
  summary: 'reads and writes nothing: the floor of a platform',
  chaincode: 'do-nothing',
  variants: { ordered: 'every call is ordered through the ledger' },
  signs: false,
  prepare: () => ({ phases: [], world: () => null }),
  open: (_setting, _world, { generator }) => new DoNothingStream(`g${generator}`),
};
