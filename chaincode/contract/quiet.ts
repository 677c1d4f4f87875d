// Runs before Fabric's libraries are loaded (import order matters). They install process-wide handlers with which a
// process outlives its uncaught exceptions, and a logger that writes to stdout: neither belongs in a host of ours.

process.env['CORE_CHAINCODE_LOGGING_LEVEL'] ??= 'CRITICAL';

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
