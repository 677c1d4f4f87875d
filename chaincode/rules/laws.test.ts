// The laws of the decision, by property, against an oracle that knows no steps.

import { expect } from 'chai';
import fc from 'fast-check';
import { ACTIONS, PURPOSES, type Consent, type ConsentTerms } from '../model/index.js';
import { covers, decideAccess, type AccessFacts, type AccessRequest } from './index.js';
import {
  consent,
  doctor,
  emergency,
  facts,
  hospital,
  link,
  NOW,
  patient,
  relative,
  report,
  service,
} from '../testkit/facts.js';

const arbTerms: fc.Arbitrary<ConsentTerms> = fc.record(
  {
    effect: fc.constantFrom('permit' as const, 'deny' as const),
    grantee: fc.constantFrom(
      { kind: 'user' as const, id: 'D' },
      { kind: 'user' as const, id: 'R' },
      { kind: 'hospital' as const, id: 'H' },
    ),
    scope: fc.oneof(
      fc.constant({ kind: 'full' as const }),
      fc.record(
        {
          kind: fc.constant('partial' as const),
          tags: fc.subarray(['blood', 'eyes'], { minLength: 1 }),
          fromMonth: fc.constantFrom('2026-04', '2026-05', '2026-06'),
          toMonth: fc.constantFrom('2026-04', '2026-05', '2026-06'),
          authors: fc.subarray(['D', 'X'], { minLength: 1 }),
        },
        { requiredKeys: ['kind'] },
      ),
      fc.record({
        kind: fc.constant('selective' as const),
        reports: fc.subarray(['r1', 'r2'], { minLength: 1 }),
      }),
    ),
    actions: fc.subarray([...ACTIONS], { minLength: 1 }),
    purposes: fc.subarray([...PURPOSES], { minLength: 1 }),
    notBefore: fc.constantFrom(NOW - 1, NOW, NOW + 1),
    notAfter: fc.constantFrom(NOW - 1, NOW, NOW + 1),
  },
  { requiredKeys: ['effect', 'grantee', 'scope', 'actions', 'purposes'] },
);
const arbConsent = fc
  .tuple(arbTerms, fc.constantFrom('active' as const, 'revoked' as const))
  .map(([terms, status]): Consent => consent(terms, status));
const arbRequest = fc.record({
  action: fc.constantFrom(...ACTIONS),
  purpose: fc.constantFrom(...PURPOSES),
  actingFor: fc.constantFrom('H', undefined),
  emergency: fc.constantFrom('e1', undefined),
  now: fc.constant(NOW),
});
const arbKin = fc.array(
  fc.record({
    relative: fc.constantFrom('R', 'X'),
    rights: fc.subarray(['view' as const, 'guardian' as const], { minLength: 1 }),
    status: fc.constantFrom('active' as const, 'ended' as const),
  }),
  { maxLength: 2 },
);
const arbWorld = fc.record({
  consents: fc.array(arbConsent, { maxLength: 5 }),
  kin: arbKin.map((links) => links.map((over) => link(over))),
  actor: fc.constantFrom(doctor, relative, patient, hospital, service),
  status: fc.constantFrom('active' as const, 'withdrawn' as const, 'superseded' as const),
  urgent: fc.boolean(),
});
type WorldOf = typeof arbWorld extends fc.Arbitrary<infer W> ? W : never;

const factsOf = (w: WorldOf, consentList: readonly Consent[] = w.consents): AccessFacts => ({
  ...facts(consentList),
  actor: w.actor,
  patient: { ...patient, consents: consentList, kin: w.kin },
  report: { ...report, status: w.status },
  emergency: w.urgent ? emergency : null,
});
const permits = (request: AccessRequest, known: AccessFacts): boolean =>
  decideAccess(request, known).decision === 'permit';

/** The specification once more, in one sentence of logic instead of steps. */
function oracle(request: AccessRequest, w: WorldOf): boolean {
  const { actor } = w;
  if (actor.id === 'P') return true;
  if (request.action !== 'upload' && w.status === 'withdrawn') return false;
  if (actor.role === 'service' && request.action !== 'upload') return false;
  const stands =
    actor.role === 'doctor' || actor.role === 'service'
      ? request.actingFor === 'H'
      : actor.role === 'hospital' || request.actingFor === undefined;
  const named = { relative: ['R'], hospital: ['H'], service: ['S', 'H'] }[actor.role as string] ?? [
    'D',
    'H',
  ];
  const inForce = w.consents.filter(({ status, terms }) => {
    const { scope } = terms;
    const held =
      scope.kind === 'full' ||
      (scope.kind === 'selective' && scope.reports.includes('r1')) ||
      (scope.kind === 'partial' &&
        scope.tags?.includes('blood') !== false &&
        scope.authors?.includes('D') !== false &&
        !['2026-06'].includes(scope.fromMonth ?? '') &&
        !['2026-04'].includes(scope.toMonth ?? ''));
    return (
      status === 'active' &&
      named.includes(terms.grantee.id) &&
      !(terms.notBefore !== undefined && terms.notBefore > NOW) &&
      !(terms.notAfter !== undefined && terms.notAfter <= NOW) &&
      new Set(terms.actions).has(request.action) &&
      new Set(terms.purposes).has(request.purpose) &&
      held
    );
  });
  const kin = w.kin.find((k) => k.relative === 'R' && k.status === 'active');
  const permitted = inForce.some(({ terms }) => terms.effect === 'permit');
  const broken =
    w.urgent &&
    request.purpose === 'emergency' &&
    request.action === 'view' &&
    actor.role === 'doctor';
  return (
    stands &&
    inForce.every(({ terms }) => terms.effect === 'permit') &&
    (actor.role === 'relative'
      ? kin !== undefined &&
        (kin.rights.includes('guardian') || (permitted && request.emergency === undefined))
      : request.emergency === undefined
        ? permitted
        : broken)
  );
}

describe('rules: laws of the decision', () => {
  const holds = (law: (request: AccessRequest, world: WorldOf, extra: Consent) => void) => {
    fc.assert(fc.property(arbRequest, arbWorld, arbConsent, law), { numRuns: 1000 });
  };

  it('agrees with the oracle', () => {
    holds((request, w) => {
      expect(permits(request, factsOf(w))).to.equal(oracle(request, w));
    });
  });

  it('adding a denial never turns a refusal into a permit', () => {
    holds((request, w, extra) => {
      const denial: Consent = { ...extra, terms: { ...extra.terms, effect: 'deny' } };
      if (permits(request, factsOf(w, [...w.consents, denial])))
        expect(permits(request, factsOf(w))).to.equal(true);
    });
  });

  it('taking permits away never turns a refusal into a permit', () => {
    holds((request, w) => {
      const denials = w.consents.filter((c) => c.terms.effect === 'deny');
      if (permits(request, factsOf(w, denials)))
        expect(permits(request, factsOf(w))).to.equal(true);
    });
  });

  it('the order of consents does not matter, and the same question has the same answer', () => {
    holds((request, w) => {
      const known = factsOf(w);
      expect(decideAccess(request, known)).to.deep.equal(decideAccess(request, known));
      expect(permits(request, factsOf(w, [...w.consents].reverse()))).to.equal(
        permits(request, known),
      );
    });
  });

  it('full scopes hold whatever others hold', () => {
    fc.assert(
      fc.property(arbTerms, ({ scope }) => {
        expect(covers({ kind: 'full' }, report)).to.equal(true);
        expect(covers(scope, null)).to.equal(scope.kind === 'full');
      }),
    );
  });
});
