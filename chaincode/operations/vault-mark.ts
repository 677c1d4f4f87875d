// The vault as somebody saw it: its epoch, and who holds the key. Two gateways that hand keys out at the same time can't
// see each other; what each of them signs names what it saw, and the ledger refuses the one that came second.

import { canonicalise, type Patient } from '../model/index.js';
import { holdsEpoch, holdsVault } from '../rules/index.js';
import { hashText } from '../signatures/index.js';

/**
 * SHA-256, base64url, of the canonical JSON of `{epoch, escrow, holders}`: the epoch's number, the hospital for
 * emergencies, and `<id>.<version>` of each active full permit to read, then of each active link with `consent` or
 * `guardian`, in the policy's order.
 */
export function vaultMark({ epoch, escrow, consents, kin }: Patient): string {
  const holders = [
    ...consents.filter(({ status, terms }) => status === 'active' && holdsEpoch(terms)),
    ...kin.filter(({ status, rights }) => status === 'active' && holdsVault(rights)),
  ].map(({ id, version }) => `${id}.${version}`);
  return hashText(canonicalise({ epoch: epoch.number, escrow, holders }));
}
