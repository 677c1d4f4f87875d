// Where a command's words go; a test listens in.

export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Somebody watches `err`: a line there may be written over. */
  readonly errIsTerminal: boolean;
}

export const toProcess: Output = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  errIsTerminal: process.stderr.isTTY,
};
