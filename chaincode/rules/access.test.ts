// Every branch of the decision to let somebody read, by table.

import { expect } from 'chai';
import { decideAccess, type AccessFacts, type AccessRequest } from './index.js';
import {
  affiliation,
  ask,
  asRelative,
  auditor,
  consent,
  facts,
  hospital,
  link,
  NOW,
  otherPatient,
  own,
  partial,
  patient,
  report,
  service,
  short,
  toHospital,
} from '../testkit/facts.js';

type Case = readonly [name: string, request: AccessRequest, facts: AccessFacts, expected: string];

const CASES: readonly Case[] = [
  ['nothing is permitted by default', ask(), facts([]), 'NO_CONSENT'],
  ['a full consent', ask(), facts([consent()]), 'permit:consent'],
  [
    'denial wins, whichever comes first',
    ask(),
    facts([consent({ effect: 'deny' }), consent()]),
    'CONSENT_DENIED',
  ],
  [
    'denial wins, whichever comes last',
    ask(),
    facts([consent(), consent({ effect: 'deny' })]),
    'CONSENT_DENIED',
  ],
  [
    'a denial of something else',
    ask(),
    facts([consent(), consent({ effect: 'deny', actions: ['share'] })]),
    'permit:consent',
  ],
  ['another action', ask({ action: 'download' }), facts([consent()]), 'NO_CONSENT'],
  ['another purpose', ask({ purpose: 'research' }), facts([consent()]), 'NO_CONSENT'],
  [
    'another grantee',
    ask(),
    facts([consent({ grantee: { kind: 'user', id: 'X' } })]),
    'NO_CONSENT',
  ],
  ['a revoked consent', ask(), facts([consent({}, 'revoked')]), 'NO_CONSENT'],
  [
    'a revoked denial',
    ask(),
    facts([consent(), consent({ effect: 'deny' }, 'revoked')]),
    'permit:consent',
  ],
  ['before its window', ask(), facts([consent({ notBefore: NOW + 1 })]), 'NO_CONSENT'],
  ['at its first instant', ask(), facts([consent({ notBefore: NOW })]), 'permit:consent'],
  ['at its end', ask(), facts([consent({ notAfter: NOW })]), 'NO_CONSENT'],
  [
    'selective, named',
    ask(),
    facts([consent({ scope: { kind: 'selective', reports: ['r1'] } })]),
    'permit:consent',
  ],
  [
    'selective, not named',
    ask(),
    facts([consent({ scope: { kind: 'selective', reports: ['r2'] } })]),
    'NO_CONSENT',
  ],
  ['partial by tag', ask(), facts([partial({ tags: ['blood'] })]), 'permit:consent'],
  ['partial by another tag', ask(), facts([partial({ tags: ['eyes'] })]), 'NO_CONSENT'],
  ['partial by author', ask(), facts([partial({ authors: ['D'] })]), 'permit:consent'],
  ['partial by another author', ask(), facts([partial({ authors: ['X'] })]), 'NO_CONSENT'],
  ['partial from its month', ask(), facts([partial({ fromMonth: '2026-05' })]), 'permit:consent'],
  ['partial from a later month', ask(), facts([partial({ fromMonth: '2026-06' })]), 'NO_CONSENT'],
  ['partial to its month', ask(), facts([partial({ toMonth: '2026-05' })]), 'permit:consent'],
  ['partial to an earlier month', ask(), facts([partial({ toMonth: '2026-04' })]), 'NO_CONSENT'],
  [
    'partial: every filter counts',
    ask(),
    facts([partial({ tags: ['blood'], toMonth: '2026-04' })]),
    'NO_CONSENT',
  ],
  ['through the hospital acted for', ask(), facts([consent(toHospital)]), 'permit:consent'],
  [
    'a denial through the hospital',
    ask(),
    facts([consent(), consent({ ...toHospital, effect: 'deny' })]),
    'CONSENT_DENIED',
  ],
  [
    'the hospital itself',
    ask(own),
    facts([consent(toHospital)], { actor: hospital }),
    'permit:consent',
  ],
  [
    'the hospital itself, said aloud',
    ask(),
    facts([consent(toHospital)], { actor: hospital }),
    'permit:consent',
  ],
  [
    'another hospital in its name',
    ask(),
    facts([consent(toHospital)], { actor: { ...hospital, id: 'H2' } }),
    'WRONG_ROLE',
  ],
  [
    'a service whose hospital may read',
    ask(),
    facts([consent(toHospital)], { actor: service }),
    'WRONG_ROLE',
  ],
  [
    'a service of a hospital that may upload',
    ask({ action: 'upload' }),
    facts([consent({ ...toHospital, actions: ['upload'] })], { actor: service }),
    'permit:consent',
  ],
  ['an auditor in its name', ask(), facts([consent(toHospital)], { actor: auditor }), 'WRONG_ROLE'],
  [
    'an auditor with a consent',
    ask(own),
    facts([consent({ grantee: { kind: 'user', id: 'A' } })], { actor: auditor }),
    'permit:consent',
  ],
  [
    'an auditor not admitted',
    ask(own),
    facts([], { actor: { ...auditor, admitted: false } }),
    'ACTOR_NOT_ACTIVE',
  ],
  ['a doctor for nobody', ask(own), facts([consent()]), 'NOT_AFFILIATED'],
  [
    'a doctor without affiliation',
    ask(),
    facts([consent()], { affiliation: null }),
    'NOT_AFFILIATED',
  ],
  [
    'a doctor with another’s affiliation',
    ask(),
    facts([consent()], { affiliation: { ...affiliation, doctor: 'X' } }),
    'NOT_AFFILIATED',
  ],
  [
    'a doctor suspended',
    ask(),
    facts([consent()], { affiliation: { ...affiliation, status: 'suspended' } }),
    'ACTOR_NOT_ACTIVE',
  ],
  [
    'a doctor who left',
    ask(),
    facts([consent()], { affiliation: { ...affiliation, status: 'left' } }),
    'NOT_AFFILIATED',
  ],
  [
    'a hospital not admitted',
    ask(),
    facts([consent()], { hospital: { ...hospital, admitted: false } }),
    'HOSPITAL_NOT_ADMITTED',
  ],
  ['no such hospital', ask(), facts([consent()], { hospital: null }), 'NOT_FOUND'],
  ['the patient', ask(own), facts([], { actor: patient }), 'permit:self'],
  [
    'the patient, withdrawn',
    ask(own),
    facts([], { actor: patient, report: { ...report, status: 'withdrawn' } }),
    'permit:self',
  ],
  [
    'the patient, erased',
    ask(own),
    facts([], { actor: patient, report: { ...report, status: 'erased' } }),
    'REPORT_ERASED',
  ],
  [
    'another patient, with consent',
    ask(own),
    facts([consent({ grantee: { kind: 'user', id: 'Q' } })], { actor: otherPatient }),
    'permit:consent',
  ],
  [
    'another patient in a hospital’s name',
    ask(),
    facts([consent(toHospital)], { actor: otherPatient }),
    'WRONG_ROLE',
  ],
  [
    'withdrawn',
    ask(),
    facts([consent()], { report: { ...report, status: 'withdrawn' } }),
    'REPORT_WITHDRAWN',
  ],
  [
    'erased',
    ask(),
    facts([consent()], { report: { ...report, status: 'erased' } }),
    'REPORT_ERASED',
  ],
  [
    'superseded',
    ask(),
    facts([consent()], { report: { ...report, status: 'superseded' } }),
    'permit:consent',
  ],
  ['no report', ask(), facts([consent()], { report: null }), 'NOT_FOUND'],
  [
    'another patient’s report',
    ask(),
    facts([consent()], { report: { ...report, patient: 'Q' } }),
    'NOT_FOUND',
  ],
  [
    'uploading, full',
    ask({ action: 'upload' }),
    facts([consent({ actions: ['upload'] })], { report: null }),
    'permit:consent',
  ],
  [
    'uploading, selective',
    ask({ action: 'upload' }),
    facts([consent({ actions: ['upload'], scope: { kind: 'selective', reports: ['r1'] } })], {
      report: null,
    }),
    'NO_CONSENT',
  ],
  [
    'a guardian',
    ask(own),
    asRelative([link({ rights: ['guardian'], notAfter: NOW + 1 })]),
    'permit:guardian',
  ],
  [
    'a guardian whose time is up',
    ask(own),
    asRelative([link({ rights: ['guardian'], notAfter: NOW })]),
    'NO_KIN_RIGHT',
  ],
  [
    'a guardian denied',
    ask(own),
    asRelative(
      [link({ rights: ['guardian'] })],
      [consent({ effect: 'deny', grantee: { kind: 'user', id: 'R' } })],
    ),
    'CONSENT_DENIED',
  ],
  [
    'a relative with consent',
    ask(own),
    asRelative([link()], [consent({ grantee: { kind: 'user', id: 'R' } })]),
    'permit:consent',
  ],
  [
    'a relative with consent and no link',
    ask(own),
    asRelative([], [consent({ grantee: { kind: 'user', id: 'R' } })]),
    'NO_KIN_RIGHT',
  ],
  [
    'a relative with an ended link',
    ask(own),
    asRelative([link({ status: 'ended' })]),
    'NO_KIN_RIGHT',
  ],
  [
    'a relative without consent',
    ask(own),
    asRelative([link({ rights: ['view', 'keep', 'consent'] })]),
    'NO_CONSENT',
  ],
];

describe('rules: decideAccess', () => {
  for (const [name, request, known, expected] of CASES) {
    it(`${name}: ${expected}`, () => {
      expect(short(decideAccess(request, known))).to.equal(expected);
    });
  }

  it('names the entry that decided', () => {
    const [yes, never] = [consent(), consent({ effect: 'deny', actions: ['download'] })];
    expect(decideAccess(ask(), facts([yes]))).to.include({ by: yes.id });
    const download = ask({ action: 'download' });
    expect(decideAccess(download, facts([yes, never]))).to.include({ by: never.id });
  });
});
