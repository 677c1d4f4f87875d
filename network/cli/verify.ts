// `prms ledger verify`: the verification's report, for people or as JSON.
import { type VerificationReport, verifyLedger } from '../embedded/index.js';
import type { Command, Output } from './command.js';
import { ProgressLine } from './progress.js';

export async function verifyCommand(command: Command, output: Output): Promise<number> {
  const { dir, chaincodes, expect, json } = command;
  const line = output.errIsTerminal && !json ? new ProgressLine(output.err) : undefined;
  const onProgress = line && { onProgress: line.show };
  const work = verifyLedger({ dir, chaincodes, expect, ...onProgress });
  const report = await work.finally(() => line?.wipe());
  output.out(json ? `${JSON.stringify(report)}\n` : describeReport(report));
  return report.ok ? 0 : 1;
}

function describeReport(report: VerificationReport): string {
  const { ok, lie, channel, height, headHash, genesisHash } = report;
  if (!ok && lie !== undefined) {
    const transaction =
      lie.transactionId === undefined ? '' : ` (transaction ${lie.transactionId})`;
    return `The ledger lies: ${lie.message}${transaction}\nFirst block that lies: ${lie.block} of ${height}\n`;
  }
  const runAgain = report.transactions - report.conflicts - report.notRunAgain;
  const lines = [
    `The ledger of channel ${channel} is honest.`,
    `  blocks        ${height}, chained by hash and signed by the node`,
    `  transactions  ${report.transactions}, signed by their creators`,
    `  run again     ${runAgain}, with the same outcome`,
    `  conflicts     ${report.conflicts}, rightly without effect`,
    `  state         ${report.stateKeys} keys, equal to the state rebuilt from the blocks`,
  ];
  if (report.notRunAgain > 0) {
    lines.push(
      `  not run again ${report.notRunAgain}, which came with transient data that blocks don't hold`,
    );
  }
  lines.push(
    `  genesis       0:${genesisHash}`,
    `  head          ${height - 1}:${headHash}`,
    'Note the head elsewhere: with --expect, a later run detects a chain that was cut or replaced.',
  );
  return `${lines.join('\n')}\n`;
}
