// What a person finds first in their export.
export const README = `This is a patient's record, exported from a PRMS gateway.

reports/        the reports, as they were added
record/         what the ledger says: consents, relatives, care, accesses, appointments, consultations
consultations/  transcripts, where there are any
ledger/         the evidence: signed operations with their receipts, and the chain that they stand on
manifest.json   every file with its SHA-256, every report with what became of it
manifest.sig    the signature over the manifest, by whoever exported

Check it, without any server:  npx prms verify <this file>.zip
If you noted a block's hash before, add:  --expect <number>:<hash>

The reports are NOT encrypted here. Keep this file where you would keep them on paper.
`;

/** And in a sealed one. */
export const SEALED_README = `This is a patient's record, exported sealed from a PRMS gateway.

sealed/         the reports as they lie in the clouds: pictures or ciphertext, the encrypted label, wraps of the key
record/         what the ledger says: consents, relatives, care, accesses, appointments, consultations
consultations/  transcripts, where there are any
ledger/         the evidence: signed operations with their receipts, and the chain that they stand on
manifest.json   every file with its SHA-256, every report with what became of it
manifest.sig    the signature over the manifest, once whoever exported has added it

Check it, without any server:  npx prms verify <this file>.zip
If you noted a block's hash before, add:  --expect <number>:<hash>

Only the private keys of whoever exported open the reports: open the wraps of a report in their order, with the last
secret its pictures or ciphertext and its label. The record beside them is NOT encrypted.
`;
