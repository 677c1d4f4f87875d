// Runs before Fabric's libraries are loaded (import order matters). They install process-wide handlers with which a
// process outlives its uncaught exceptions, and a logger that writes to stdout: neither belongs in a host of ours.

// What a chaincode says travels in its host's errors; a second copy on stdout would break `--json`.
// Whoever wants Fabric's own log sets the variable to DEBUG or INFO.
const level = process.env['CORE_CHAINCODE_LOGGING_LEVEL'];
if (level === undefined || level.toUpperCase() === 'ERROR')
  process.env['CORE_CHAINCODE_LOGGING_LEVEL'] = 'CRITICAL';

const EVENTS = ['uncaughtException', 'unhandledRejection'] as const;
const before = new Map(
  EVENTS.map((event) => [event, new Set<unknown>(process.rawListeners(event))]),
);

/** Takes away the handlers that came since this module was loaded. */
export function removeAddedHandlers(): void {
  for (const event of EVENTS) {
    for (const handler of process.rawListeners(event)) {
      // rawListeners types its functions as Function; they are listeners of this very emitter.
      if (before.get(event)?.has(handler) === false)
        process.removeListener(event, handler as () => void);
    }
  }
}
