// Runs before Fabric's libraries are loaded (import order matters): silences their logger, which writes to stdout,
// and notes which process-wide handlers stood there already. See fabric.ts.

// What the chaincode says travels in a LedgerError; a second copy on stdout would break `--json`.
// Whoever wants Fabric's own log sets the variable to DEBUG or INFO.
const level = process.env['CORE_CHAINCODE_LOGGING_LEVEL'];
if (level === undefined || level.toUpperCase() === 'ERROR') {
  process.env['CORE_CHAINCODE_LOGGING_LEVEL'] = 'CRITICAL';
}

const exceptionHandlers = new Set(process.listeners('uncaughtException'));
const rejectionHandlers = new Set(process.listeners('unhandledRejection'));

/** Removes the process-wide handlers that were added since this module was loaded. */
export function removeAddedHandlers(): void {
  for (const handler of process.listeners('uncaughtException')) {
    if (!exceptionHandlers.has(handler)) process.off('uncaughtException', handler);
  }
  for (const handler of process.listeners('unhandledRejection')) {
    if (!rejectionHandlers.has(handler)) process.off('unhandledRejection', handler);
  }
}
