// Refusals that several routes have in common, besides what follows from their facts (http/base/refusals.ts).

/** Something lies in the clouds. */
export const CLOUD = ['CLOUD_UNAVAILABLE', 'REPORT_DAMAGED', 'WRAP_DAMAGED'] as const;

/** A report is read. */
export const READING = [...CLOUD, 'GONE', 'ELSEWHERE'] as const;

/** A password, code or key is tried: counted, so that it can't be guessed. */
export const TRYING = ['WRONG_CREDENTIALS', 'TOO_MANY'] as const;

/** An account is made. */
export const REGISTERING = [
  ...CLOUD,
  'TOO_MANY',
  'FORBIDDEN',
  'REFUSED',
  'NOT_FOUND',
  'CONFLICT',
  'COMMIT_TIMEOUT',
] as const;
