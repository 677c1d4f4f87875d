// What the command line hands to each command.
import type { ChaincodeFactory } from '../embedded/index.js';

/** Where a command's words go; a test listens in. */
export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Somebody watches `err`: a line there may be written over. */
  readonly errIsTerminal: boolean;
}

/** What a command was told. */
export interface Command {
  /** The ledger's folder. */
  readonly dir: string;
  readonly json: boolean;
  readonly block: number | undefined;
  readonly expect: readonly { readonly block: number; readonly hash: string }[];
  readonly chaincodes: Readonly<Record<string, ChaincodeFactory>>;
}
