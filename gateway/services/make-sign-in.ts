// Makes the services around second factors.
import { PendingLogIns, SecondFactors, SignInPolicies } from '../accounts/index.js';
import type { NextStep } from './logins.js';
import type { Foundations } from './make.js';
import type { Records } from './records.js';

/** Second factors, who must have one, and the log-ins that wait for one. */
export function makeSignIn(
  { config, clock, random, store, master, accounts }: Foundations,
  records: Records,
) {
  const lifeMs = config.secondStepSeconds * 1000;
  const waiting = config.secondStepsWaiting;
  const onDrop = ({ wipe }: NextStep) => wipe();
  return {
    pending: new PendingLogIns<NextStep>({
      ...{ clock, random, lifeMs, onDrop },
      most: waiting,
      mostPerUser: config.secondStepsPerUser,
      tries: config.secondStepTries,
    }),
    secondFactors: new SecondFactors({
      store,
      master,
      clock,
      random,
      accounts,
      limits: {
        lifeMs,
        waiting,
        passkeysPerAccount: config.passkeysPerAccount,
        recoveryCodes: config.recoveryCodes,
        resetWaitMs: config.secondFactorWaitDays * 24 * 60 * 60_000,
      },
    }),
    signInPolicies: new SignInPolicies({
      store,
      clock,
      hospitalsOf: async (doctor) => {
        const hospitals: string[] = [];
        for await (const each of records.all((page) => records.hospitalsOf(doctor, page))) {
          if (each.status === 'authorised') hospitals.push(each.hospital);
        }
        return hospitals;
      },
    }),
  };
}
