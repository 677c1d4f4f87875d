// What verification says: what does not hold names its file.

/** Something in the export is not what it should be. */
export class NotProven extends Error {
  override readonly name = 'NotProven';
  constructor(
    readonly file: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Problem {
  readonly file: string;
  readonly message: string;
}

/** What a verifier reports, whatever it verified. */
export interface Verdict {
  readonly kind: string;
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  /** What holds, in words and figures. */
  readonly proven: readonly string[];
  /** What nobody could conclude from this file, and what is missing in it. */
  readonly notProven: readonly string[];
  /** Figures for a script. */
  readonly facts: Readonly<Record<string, string | number>>;
}

export interface VerifyOptions {
  /** Hashes of blocks that were noted elsewhere. */
  readonly expect: readonly { readonly block: number; readonly hash: string }[];
}
