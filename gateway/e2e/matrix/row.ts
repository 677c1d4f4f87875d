// A row of the matrix: one route, a request that is in order, and what everybody who makes it must be answered.
//
// To add a route: put a row under its key, `<method> <path>`, into the file of rows/ that has its topic.
//  - `ask` makes what the request needs (`home` has helpers) and says what goes into the path's placeholders (`{patient}` is
//    Maria's id by itself), the query and the body. The request must be one that succeeds for the right caller: then a
//    refusal can only be for who is asking. It is asked once for all who are refused, and anew for each who is allowed,
//    since a success uses up what it was made for.
//  - `perCaller: true` when the request depends on who makes it (their own session, the hospital that they act for).
//  - `ownSession: true` when a success ends or changes the caller's session or keys: a session of its own is used.
//  - `newcomer: true` when a success changes how the caller logs in: for each cell somebody new of the same role calls,
//    whom `ask` gets as `caller`.
//  - `reads` looks into a success, when a 200 can also say no.
//  - `answers` names everybody once: under `ok` who is allowed, under a code (with the ledger's reason after a colon) who is
//    refused with it, and `rest` for all others. `anonymous` is UNAUTHENTICATED unless named.
// A WebSocket has its row in rows/sockets.ts. A hospital’s system is no column: it is asked about every route at once, in
// sockets-and-systems.test.ts, and what it may use is named there.
import type { RequestBody, Visitor } from '../../http/routes/testing-api.js';
import type { Home, Who } from './home.js';

export interface Asked {
  /** Into the path's placeholders. */
  readonly path?: Readonly<Record<string, string>>;
  /** With its question mark. */
  readonly query?: string;
  /** A text is sent as lines of operations. */
  readonly body?: object | string;
  /** Instead of a body. A form is sent once, so this makes one. */
  readonly form?: () => FormData;
}

export interface Row {
  readonly ask?: (home: Home, who: Who, caller: Visitor) => Promise<Asked> | Asked;
  readonly perCaller?: true;
  readonly ownSession?: true;
  readonly newcomer?: true;
  /** Of a success, which answer it really is, where that stands in its body. Default: `ok`. */
  readonly reads?: (body: unknown) => string;
  readonly answers: Answers;
}

export type Answers = Readonly<Record<string, readonly Who[] | string>> & { readonly rest: string };

export type Rows = Readonly<Record<string, Row>>;

/** Who gets which answer, one of each. @throws Error when somebody is named twice */
export function expected({ rest, ...named }: Answers, who: readonly Who[]): Map<Who, string> {
  const answers = new Map<Who, string>();
  for (const [answer, people] of Object.entries(named)) {
    if (typeof people === 'string') throw new Error(`${answer} needs a list of people`);
    for (const person of people) {
      if (answers.has(person)) throw new Error(`${person} is named twice`);
      answers.set(person, answer);
    }
  }
  return new Map(
    who.map((person) => {
      const otherwise = person === 'anonymous' && rest !== 'ok' ? 'UNAUTHENTICATED' : rest;
      return [person, answers.get(person) ?? otherwise];
    }),
  );
}

export const bodyOf = ({ body, form }: Asked): RequestBody => form?.() ?? body;

// --- people who often stand together

export const HOSPITALS = ['hospital', 'otherHospital', 'unadmittedHospital'] as const;
export const DOCTORS = ['doctor', 'doctorWithoutCare', 'strangeDoctor', 'suspendedDoctor'] as const;
export const RELATIVES = ['guardian', 'consenter', 'keeper', 'strangeRelative'] as const;
export const AUDITORS = ['auditor', 'unadmittedAuditor'] as const;
export const PATIENTS = ['owner', 'otherPatient'] as const;
export const UNADMITTED = ['unadmittedHospital', 'unadmittedAuditor'] as const;
/** Maria and whoever acts for her in everything. */
export const SELF = ['owner', 'guardian'] as const;
export const EVERYBODY = [
  'anonymous',
  ...HOSPITALS,
  ...DOCTORS,
  ...RELATIVES,
  ...AUDITORS,
  ...PATIENTS,
] as const;
export const LOGGED_IN = [
  ...HOSPITALS,
  ...DOCTORS,
  ...RELATIVES,
  ...AUDITORS,
  ...PATIENTS,
] as const;
