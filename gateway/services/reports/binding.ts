// What ties a ciphertext to its report: additional data of every AES-GCM call.

/** What every ciphertext of a report is bound to. */
export function reportAad(report: string): Uint8Array {
  return Buffer.from(`PRMS-report-v1\0${report}`, 'utf8');
}
