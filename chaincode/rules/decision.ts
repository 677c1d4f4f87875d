// What a rule answers: permit, or refuse with a code.

import type { RefusalCode } from '../model/index.js';

export type Ruling =
  { readonly permit: true } | { readonly permit: false; readonly code: RefusalCode };

export const PERMIT: Ruling = { permit: true };

export function refuse(code: RefusalCode): Ruling {
  return { permit: false, code };
}

/** The first refusal, or permit when every ruling permits. Rulings are thunks, so that later ones may rely on earlier ones. */
export function all(...rulings: (() => Ruling)[]): Ruling {
  for (const ruling of rulings) {
    const answer = ruling();
    if (!answer.permit) return answer;
  }
  return PERMIT;
}
