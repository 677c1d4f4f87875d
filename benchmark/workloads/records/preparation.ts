// Brings hospitals, doctors and patients onto an empty ledger: everybody registered, doctors authorised, each patient in
// one doctor's care with a consent for the hospital and one for another doctor, a consultation open, slots on offer, and
// a first report.
import { type ArgumentsOf, canonicalise, type OperationType } from '@prms/chaincode';
import type { Call } from '../../platforms/platform.js';
import type { Group, Person } from './people.js';
import {
  type AnchoredReport,
  digestOf,
  permitToView,
  reportTerms,
  type Scene,
  SLOTS,
  standIn,
} from './scene.js';
import type { Signer } from './signing.js';

/** What the ledger is told of a patient's first report. */
export type FirstReport = (patient: number, id: string) => AnchoredReport;

/** Where no cloud is part of the load. */
export const firstReportNowhere: FirstReport = (patient) => ({
  image: standIn(`report/${patient}`),
  label: standIn(`label/${patient}`),
  commitment: digestOf(`commitment/${patient}`),
});

/** Every phase rests on those before it; within one, nothing rests on anything. Calls are signed as they are taken. */
export function* phasesOf(
  scene: Scene,
  signer: Signer,
  firstReport: FirstReport,
): Generator<Iterable<Call>> {
  const { cast } = scene;
  const { hospitals, doctors } = cast.numbers;
  const call = signedCalls(scene, signer);
  yield [foundation(scene)];
  yield each(hospitals, (n) =>
    call(cast.hospital(n), 'hospital:register', `hospital/${n}`, {
      keys: keysOf(scene, 'hospital', n),
      profile: { name: `Hospital ${n}` },
    }),
  );
  yield each(doctors, (n) =>
    call(cast.doctor(n), 'user:register', `doctor/${n}`, {
      role: 'doctor',
      keys: keysOf(scene, 'doctor', n),
      profile: { name: `Doctor ${n}` },
    }),
  );
  yield each(doctors, (n) =>
    call(cast.doctor(n), 'affiliation:request', `affiliation/${n}`, {
      hospital: cast.hospitalOf(n).id,
    }),
  );
  yield each(doctors, (n) =>
    call(cast.hospitalOf(n), 'affiliation:authorise', `authorisation/${n}`, {
      doctor: cast.doctor(n).id,
      replaces: 1,
    }),
  );
  yield* patientPhases(scene, call, firstReport);
}

function* patientPhases(
  scene: Scene,
  call: SignedCalls,
  firstReport: FirstReport,
): Generator<Iterable<Call>> {
  const { cast, month } = scene;
  const { patients } = cast.numbers;
  const careOf = (n: number) => {
    const doctor = cast.doctorOf(n);
    return { doctor: cast.doctor(doctor), hospital: cast.hospitalOf(doctor).id };
  };
  yield each(patients, (n) =>
    call(cast.patient(n), 'user:register', `patient/${n}`, {
      role: 'patient',
      keys: keysOf(scene, 'patient', n),
      epoch: { number: 1, key: cast.sealPoint('patient', n) },
      escrow: null,
    }),
  );
  yield each(patients, (n) => {
    const { doctor, hospital } = careOf(n);
    return call(cast.patient(n), 'care:request', `care/${n}`, { doctor: doctor.id, hospital });
  });
  yield each(patients, (n) => {
    const change = { patient: cast.patient(n).id, id: scene.id(`care/${n}`), replaces: 1 };
    return call(careOf(n).doctor, 'care:approve', `approval/${n}`, change);
  });
  yield each(patients, (n) => {
    const patient = cast.patient(n);
    const { doctor, hospital } = careOf(n);
    const name = `report/${n}`;
    const tag = digestOf(`tag/${n}`).slice(0, 21) + 'A';
    const report = reportTerms(firstReport(n, scene.id(name)), tag, month);
    const args = { patient: patient.id, actingFor: hospital, report };
    return call(doctor, 'report:anchor', name, args);
  });
  yield each(patients, (n) => {
    const patient = cast.patient(n);
    return call(patient, 'consent:grant', `hospital-consent/${n}`, {
      patient: patient.id,
      terms: {
        effect: 'permit',
        grantee: { kind: 'hospital', id: careOf(n).hospital },
        scope: { kind: 'full' },
        actions: ['view'],
        purposes: ['treatment'],
      },
    });
  });
  yield each(patients, (n) => {
    const patient = cast.patient(n);
    const stranger = cast.doctor(cast.strangerOf(n, 0));
    return call(patient, 'consent:grant', `doctor-consent/${n}`, {
      patient: patient.id,
      terms: permitToView(stranger.id, scene.id(`report/${n}`)),
    });
  });
  yield each(patients, (n) => {
    const { doctor, hospital } = careOf(n);
    const args = { patient: cast.patient(n).id, hospital };
    return call(doctor, 'consultation:open', `consultation/${n}`, args);
  });
  yield each(patients, (n) => {
    const { doctor, hospital } = careOf(n);
    const slots = Array.from({ length: SLOTS }, (_, slot) => ({
      id: scene.slotId(n, slot),
      commitment: digestOf(`slot/${n}/${slot}`),
    }));
    return call(doctor, 'appointment:offer', `offer/${n}`, { hospital, slots });
  });
}

function foundation({ cast }: Scene): Call {
  const hospitals = Array.from({ length: cast.numbers.hospitals }, (_, n) => cast.hospital(n).id);
  const fn = 'ledger:init';
  return { kind: fn, way: 'invoke', fn, args: [canonicalise({ hospitals })] };
}

function* each(count: number, make: (n: number) => Call): Generator<Call> {
  for (let n = 0; n < count; n++) yield make(n);
}

type SignedCalls = <T extends OperationType>(
  by: Person,
  type: T,
  name: string,
  args: ArgumentsOf<T>,
) => Call;

const signedCalls =
  (scene: Scene, signer: Signer): SignedCalls =>
  (by, type, name, args) => {
    const line = signer.line(by, type, args, scene.stamp(name));
    return { kind: type, way: 'ordered', line, lane: name };
  };

function keysOf({ cast }: Scene, group: Group, n: number): { sign: string; seal: string } {
  const person = {
    hospital: () => cast.hospital(n),
    doctor: () => cast.doctor(n),
    patient: () => cast.patient(n),
  };
  return { sign: person[group]().point, seal: cast.sealPoint(group, n) };
}
