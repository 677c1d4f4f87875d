// Whether whoever exported was a guardian: by the operations that named them, for a link may have been amended, ended and
// swept away since, and by the record, for what it says of the moment of the export.
import type { Patient } from '@prms/chaincode';
import { activeKin } from '@prms/chaincode/rules';
import type { Manifest } from '../export-format/index.js';
import { argumentsOf, type ProvenOperations } from './operations.js';

/** Did an operation shown here ever make this relative a guardian of the patient? */
export function wasGuardian(
  { by, patient }: Pick<Manifest, 'by' | 'patient'>,
  { applied }: Pick<ProvenOperations, 'applied'>,
): boolean {
  const links = new Set<string>();
  for (const { envelope } of applied.values()) {
    const linked = argumentsOf('kin:link', envelope);
    const amended = argumentsOf('kin:amend', envelope);
    if (linked?.patient === patient && linked.relative === by) links.add(envelope.id);
    const isTheirs = links.has(envelope.id) || (amended !== undefined && links.has(amended.id));
    if (isTheirs && (linked ?? amended)?.rights.includes('guardian') === true) return true;
  }
  return false;
}

/** Does the record, as it stands at its end, still make them one at the time that the manifest names? */
export function isGuardian({ by, at }: Pick<Manifest, 'by' | 'at'>, patient: Patient): boolean {
  return activeKin(patient, by, at)?.rights.includes('guardian') === true;
}
