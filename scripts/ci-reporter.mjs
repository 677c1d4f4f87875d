// mocha's readable output, plus the counts in the file that CI_RESULTS names: `{"passed":n,"failed":n,"pending":n}`.

import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      const file = process.env.CI_RESULTS;
      if (file !== undefined)
        writeFileSync(file, JSON.stringify({ passed: passes, failed: failures, pending }));
    });
  }
}
