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
