// Breaking the glass: who may, and what it opens.

import { expect } from 'chai';
import type { Access, AccessOutcome, ConsentTerms, Patient } from '../model/index.js';
import { decideAccess, decideEmergency, type AccessFacts, type AccessRequest } from './index.js';
import {
  affiliation,
  ask,
  consent,
  doctor,
  emergency,
  facts,
  hospital,
  NOW,
  patient,
  relative,
  short,
  toHospital,
} from '../testkit/facts.js';

type Case = readonly [name: string, request: AccessRequest, facts: AccessFacts, expected: string];

function emergencies(): Case[] {
  const urgent = ask({ purpose: 'emergency', emergency: 'e1' });
  const deny = consent({
    effect: 'deny',
    purposes: ['emergency'],
    scope: { kind: 'selective', reports: ['r1'] },
  });
  const list: [string, AccessRequest, Partial<Access>, string][] = [
    ['in its window', urgent, {}, 'permit:emergency'],
    ['at its start', { ...urgent, now: NOW - 10 }, {}, 'permit:emergency'],
    ['before it', { ...urgent, now: NOW - 11 }, {}, 'EMERGENCY_OVER'],
    ['at its end', { ...urgent, now: NOW + 10 }, {}, 'EMERGENCY_OVER'],
    ['another doctor’s', urgent, { actor: 'X' }, 'EMERGENCY_OVER'],
    ['another patient’s', urgent, { patient: 'Q' }, 'EMERGENCY_OVER'],
    ['declared for another hospital', urgent, { actingFor: 'H2' }, 'EMERGENCY_OVER'],
    [
      'that was refused',
      urgent,
      { outcome: { decision: 'refuse', code: 'EMERGENCY_OPTED_OUT' } },
      'EMERGENCY_OVER',
    ],
    ['that is no emergency', urgent, { kind: 'read' }, 'EMERGENCY_OVER'],
    ['another one than is named', urgent, { id: 'e2' }, 'EMERGENCY_OVER'],
    ['that is not named', ask({ purpose: 'emergency' }), {}, 'NO_CONSENT'],
    ['for another purpose', ask({ emergency: 'e1' }), {}, 'NO_CONSENT'],
    ['for another action', { ...urgent, action: 'download' }, {}, 'NO_CONSENT'],
  ];
  return [
    ...list.map(([name, request, over, expected]): Case => [
      name,
      request,
      facts([], { emergency: { ...emergency, ...over } }),
      expected,
    ]),
    ['that there is not', urgent, facts([], { emergency: null }), 'EMERGENCY_OVER'],
    [
      'with a consent as well, in its window',
      urgent,
      facts([consent({ purposes: ['emergency'] })], { emergency }),
      'permit:emergency',
    ],
    [
      'with a consent as well, after it',
      { ...urgent, now: NOW + 10 },
      facts([consent({ purposes: ['emergency'] })], { emergency }),
      'EMERGENCY_OVER',
    ],
    [
      'when another hospital has been chosen since',
      urgent,
      facts([], { emergency, patient: { ...patient, escrow: 'H2' } }),
      'NOT_ESCROW',
    ],
    [
      'when the patient has opted out since',
      urgent,
      facts([], { emergency, patient: { ...patient, escrow: null } }),
      'EMERGENCY_OPTED_OUT',
    ],
    ['against a denial of this report', urgent, facts([deny], { emergency }), 'CONSENT_DENIED'],
  ];
}

describe('rules: relying on an emergency', () => {
  for (const [name, request, known, expected] of emergencies()) {
    it(`${name}: ${expected}`, () => {
      expect(short(decideAccess(request, known))).to.equal(expected);
    });
  }
});

describe('rules: decideEmergency', () => {
  const request = { actingFor: 'H', now: NOW };
  const known = (over: Partial<Patient> = {}) => ({
    actor: doctor,
    patient: { ...patient, ...over },
    affiliation,
    hospital,
  });
  const denial = (over: Partial<ConsentTerms>) => [
    consent({ effect: 'deny', purposes: ['emergency'], ...over }),
  ];

  const cases: readonly (readonly [string, AccessOutcome, string])[] = [
    ['an authorised doctor', decideEmergency(request, known()), 'permit:emergency'],
    [
      'a patient who opted out',
      decideEmergency(request, known({ escrow: null })),
      'EMERGENCY_OPTED_OUT',
    ],
    [
      'a patient who chose another hospital',
      decideEmergency(request, known({ escrow: 'H2' })),
      'NOT_ESCROW',
    ],
    ['a full denial', decideEmergency(request, known({ consents: denial({}) })), 'CONSENT_DENIED'],
    [
      'a denial of one report',
      decideEmergency(
        request,
        known({ consents: denial({ scope: { kind: 'selective', reports: ['r1'] } }) }),
      ),
      'permit:emergency',
    ],
    [
      'a denial of the hospital',
      decideEmergency(request, known({ consents: denial(toHospital) })),
      'CONSENT_DENIED',
    ],
    ['a relative', decideEmergency(request, { ...known(), actor: relative }), 'WRONG_ROLE'],
    [
      'a suspended doctor',
      decideEmergency(request, {
        ...known(),
        affiliation: { ...affiliation, status: 'suspended' },
      }),
      'ACTOR_NOT_ACTIVE',
    ],
  ];
  for (const [name, outcome, expected] of cases) {
    it(`${name}: ${expected}`, () => {
      expect(short(outcome)).to.equal(expected);
    });
  }
});
