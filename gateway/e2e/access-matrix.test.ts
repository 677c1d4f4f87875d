// Who may call what. Roles: a table of its own, so that a route can't lose its guard unnoticed. Ownership: every route
// about a patient, called with the real ids of somebody else's things by everybody who has nothing to do with them.
import { expect } from 'chai';
import { routes } from '../http/routes/index.js';
import { terms, text, World, type Visitor } from './world.js';

const ROLES = ['hospital', 'doctor', 'patient', 'relative', 'auditor'] as const;

/** Routes that not every role may call. A new entry is a decision. */
const ONLY_FOR: Readonly<Record<string, readonly string[]>> = {
  'post /users/{id}/recovery': ['hospital'],
  'post /users/{id}/recovery/{proposal}/second': ['hospital'],
  'post /users/{id}/recovery/{proposal}/complete': ['hospital'],
  'post /users/{id}/recovery/vault': ['hospital'],
  'get /recovery/requests/{code}': ['hospital'],
  'post /hospitals/{id}/vote': ['hospital'],
  'post /affiliations': ['doctor'],
  'post /affiliations/{doctor}/authorise': ['hospital'],
  'post /affiliations/{doctor}/refuse': ['hospital'],
  'post /affiliations/{doctor}/suspend': ['hospital'],
  'post /affiliations/leave': ['doctor'],
  'get /affiliations': ['hospital', 'doctor'],
  'put /me/escrow': ['patient'],
  'post /care': ['patient'],
  'get /care': ['doctor', 'patient'],
  'post /patients/{patient}/kin': ['patient', 'relative'],
  'post /patients/{patient}/kin/{id}/amend': ['patient', 'relative'],
  'post /patients/{patient}/kin/{id}/end': ['patient', 'relative'],
  'get /kin': ['relative'],
  'post /patients/{patient}/consents': ['patient', 'relative'],
  'post /patients/{patient}/consents/{id}/amend': ['patient', 'relative'],
  'post /patients/{patient}/consents/{id}/revoke': ['patient', 'relative'],
  'post /patients/{patient}/export': ['patient', 'relative'],
  'post /patients/{patient}/erase': ['patient', 'relative'],
  'post /patients/{patient}/emergency': ['doctor'],
  'get /emergencies': ['hospital'],
  'post /patients/{patient}/accesses/{id}/review': ['hospital', 'auditor'],
  'post /patients/{patient}/accesses/{id}/object': ['patient', 'relative'],
  'post /slots': ['doctor'],
  'post /patients/{patient}/appointments': ['patient', 'relative'],
  'get /appointments': ['doctor', 'patient'],
  'post /consultations': ['doctor'],
  'post /patients/{patient}/consultations/{id}/admit': ['doctor'],
  'get /consultations': ['doctor', 'patient'],
  'post /ledger/verify': ['hospital', 'auditor'],
  'get /patients/{patient}/history': ['patient', 'relative', 'auditor'],
};

const NOBODY = 'A'.repeat(43);
const sample = (path: string) =>
  path
    .replace(/\{part\}/, '0')
    .replace(/\{code\}/, 'A'.repeat(22))
    .replaceAll(/\{(patient|doctor|ticket)\}/g, NOBODY)
    .replaceAll(/(?<=\/(hospitals|doctors|users)\/)\{id\}/g, NOBODY)
    .replaceAll(/\{\w+\}/g, '01J0000000000000000000000A');

describe('who may call what', function () {
  this.timeout(60_000);
  let world: World;
  let north: Visitor;
  let doctor: Visitor;
  let maria: Visitor;
  let lena: Visitor;
  let ids: Record<string, string>;

  before(async () => {
    world = await World.open();
    north = await world.hospital('North');
    doctor = await world.doctor('Adeyemi', north);
    [maria, lena] = [await world.patient('Maria', north), await world.relative('Lena')];
    ids = await furnish();
  });
  after(() => world.close());

  /** One of everything in Maria's record. */
  async function furnish(): Promise<Record<string, string>> {
    const path = `/patients/${maria.userId}`;
    const care = await world.care(maria, doctor, north);
    const kin = await maria.change(`${path}/kin`, { relative: lena.userId, rights: ['view'] });
    const { id: report } = await world.upload(maria, maria, { bytes: text('secret content') });
    const consent = await world.grant(maria, maria, terms(doctor));
    const { access } = await world.open(maria, maria, report);
    const startsAt = world.clock.now() + 3_600_000;
    const slots = [0, 1].map((i) => ({ startsAt: startsAt + i * 3_600_000, minutes: 30 }));
    const offer = await doctor.change('/slots', { hospital: north.userId, slots });
    const shown = await maria.ask('GET', `/doctors/${doctor.userId}/slots`);
    const [first, second] = (
      JSON.parse(Buffer.from(shown.bytes).toString()) as { items: { slot: string }[] }
    ).items.map(({ slot }) => slot);
    if (!first || !second) throw new Error('two slots were offered');
    const booking = { doctor: doctor.userId, offer: offer.id, slot: first };
    const appointment = await maria.change(`${path}/appointments`, booking);
    const consultation = await doctor.change('/consultations', {
      patient: maria.userId,
      hospital: north.userId,
    });
    await doctor.ask('POST', `${path}/consultations/${consultation.id}/messages`, {
      text: 'secret content',
    });
    return {
      care,
      kin: kin.id,
      report,
      consent,
      access,
      offer: offer.id,
      slot: second,
      appointment: appointment.id,
      consultation: consultation.id,
    };
  }

  it('roles: each guarded route refuses every other role, and the table knows every guard', async () => {
    const auditor = await world.auditor('Eyre');
    const people: Readonly<Record<string, Visitor>> = {
      hospital: north,
      doctor,
      patient: maria,
      relative: lena,
      auditor,
    };
    const guarded = routes.filter(({ roles }) => roles !== undefined);
    expect(guarded.map(({ method, path }) => `${method} ${path}`).sort()).to.deep.equal(
      Object.keys(ONLY_FOR).sort(),
    );
    for (const { method, path } of guarded) {
      for (const role of ROLES) {
        if (ONLY_FOR[`${method} ${path}`]?.includes(role) === true) continue;
        const body = method === 'get' ? undefined : {};
        const who = people[role];
        if (!who) throw new Error(role);
        const code = await who.fails(method.toUpperCase(), sample(path), body);
        expect(code, `${role}: ${method} ${path}`).to.equal('FORBIDDEN');
      }
    }
  });

  it('ownership: a stranger gets no data and changes nothing, whatever their role', async () => {
    const south = await world.hospital('South', north);
    const strangers = [
      await world.patient('Tomas'),
      await world.doctor('Bruun', south),
      await world.relative('Piotr'),
      south,
      await world.hospital('Nowhere'),
      await world.auditor('Unadmitted'),
    ];
    const before = await snapshot();
    const paths = routes.filter(({ path }) => path.includes('{patient}'));
    const calls = strangerCalls();
    expect(Object.keys(calls).sort()).to.deep.equal(
      paths.map(({ method, path }) => `${method} ${path}`).sort(),
    );
    for (const stranger of strangers) {
      for (const [route, body] of Object.entries(calls)) {
        const [method = '', template = ''] = route.split(' ');
        const query = typeof body === 'string' ? body.replaceAll('{me}', stranger.userId) : '';
        const answer = await stranger.ask(
          method.toUpperCase(),
          real(template) + query,
          body instanceof Function ? body() : typeof body === 'object' ? body : undefined,
        );
        const place = `${stranger.login}: ${route}`;
        expect(answer.status, place).to.be.oneOf([401, 403, 404]);
        const told = Buffer.from(answer.bytes).toString();
        for (const secret of ['secret content', 'Maria', 'A report', '"items"', '"considered"']) {
          expect(told, place).to.not.include(secret);
        }
      }
      await stranger.logIn();
    }
    expect(await snapshot()).to.deep.equal(before);
  });

  it('ownership: what is refused to a stranger who asks to read is on the record', async () => {
    const log = await world.accesses(maria, maria);
    const permitted = log.filter(({ outcome }) => outcome.decision === 'permit');
    expect(permitted.map(({ id }) => id)).to.deep.equal([ids['access']]);
    // Each of the six strangers asked once to read; the doctor also tried to break the glass.
    expect(log.filter(({ kind }) => kind === 'read')).to.have.length(1 + 6);
    expect(log.filter(({ kind }) => kind === 'emergency')).to.have.length(1);
  });

  /** Everything in Maria's record but the accesses, and what the cloud holds. */
  async function snapshot(): Promise<unknown> {
    const { records } = world.gateway.services;
    const page = { limit: 100 };
    return {
      patient: await records.patient(maria.userId),
      reports: await records.reports(maria.userId, page),
      access: await records.access(maria.userId, ids['access'] ?? ''),
      appointments: await records.appointments(maria.userId, page),
      consultations: await records.consultations(maria.userId, page),
      objects: [...(await world.objects()).keys()].sort(),
    };
  }

  function real(template: string): string {
    const family = /^\/(?:patients\/\{patient\}|care\/\{patient\})\/?(\w*)/.exec(template)?.[1];
    const named: Readonly<Record<string, string | undefined>> = {
      kin: ids['kin'],
      consents: ids['consent'],
      reports: ids['report'],
      accesses: ids['access'],
      appointments: ids['appointment'],
      consultations: ids['consultation'],
    };
    return template
      .replace('{patient}', maria.userId)
      .replace('{part}', '0')
      .replace('{id}', named[family ?? ''] ?? ids['care'] ?? '');
  }

  /** Every route about a patient with a body, a form, or a query that is in order. */
  function strangerCalls(): Readonly<Record<string, object | string | (() => FormData)>> {
    const replaces = { replaces: 1 };
    const changing = { replaces: 2 };
    const form = () => {
      const data = new FormData();
      data.append('meta', JSON.stringify({ title: 'Planted', category: 'x' }));
      data.append('report', new Blob(['planted']), 'planted.txt');
      return data;
    };
    const rights = { rights: ['view'] };
    const question = `&report=${ids['report'] ?? ''}&action=view&purpose=treatment`;
    const place = { offer: ids['offer'], slot: ids['slot'] };
    return {
      'post /care/{patient}/{id}/approve': changing,
      'post /care/{patient}/{id}/refuse': changing,
      'post /care/{patient}/{id}/end': changing,
      'post /patients/{patient}/kin': { relative: lena.userId, ...rights },
      'post /patients/{patient}/kin/{id}/amend': { ...rights, ...replaces },
      'post /patients/{patient}/kin/{id}/end': replaces,
      'get /patients/{patient}/kin': '',
      'post /patients/{patient}/consents': { terms: terms(doctor) },
      'post /patients/{patient}/consents/{id}/amend': { terms: terms(doctor), ...replaces },
      'post /patients/{patient}/consents/{id}/revoke': replaces,
      'get /patients/{patient}/consents': '',
      'get /patients/{patient}/explain': `?actor=${doctor.userId}${question}`,
      'post /patients/{patient}/reports': form,
      'get /patients/{patient}/reports': '',
      'get /patients/{patient}/reports/{id}': '',
      'get /patients/{patient}/reports/{id}/stego/{part}': '',
      'post /patients/{patient}/reports/{id}/withdraw': replaces,
      'post /patients/{patient}/reports/{id}/erase': replaces,
      'post /patients/{patient}/reports/{id}/access': { action: 'view', purpose: 'treatment' },
      'post /patients/{patient}/export': {},
      'post /patients/{patient}/erase': { confirm: maria.userId },
      'get /patients/{patient}/reports/{id}/erasure': '',
      'get /patients/{patient}/accesses': '',
      'post /patients/{patient}/emergency': {
        actingFor: north.userId,
        reason: 'out of curiosity',
      },
      'post /patients/{patient}/accesses/{id}/review': { verdict: 'justified', ...replaces },
      'post /patients/{patient}/accesses/{id}/object': replaces,
      'post /patients/{patient}/appointments': { doctor: doctor.userId, ...place },
      'post /patients/{patient}/appointments/{id}/move': { ...place, ...replaces },
      'post /patients/{patient}/appointments/{id}/cancel': replaces,
      'get /patients/{patient}/consultations/{id}': '',
      'post /patients/{patient}/consultations/{id}/messages': { text: 'let me in' },
      'get /patients/{patient}/consultations/{id}/messages': '',
      'post /patients/{patient}/consultations/{id}/close': {},
      'get /patients/{patient}/consultations/{id}/socket': '',
      'post /patients/{patient}/consultations/{id}/admit': { user: maria.userId },
      'post /patients/{patient}/consultations/{id}/look': {
        report: ids['report'] ?? '',
        purpose: 'treatment',
      },
      'get /patients/{patient}/consultations/{id}/key': '',
      'put /patients/{patient}/consultations/{id}/key': {
        commitment: 'A'.repeat(43),
        wraps: [{ recipient: maria.userId, kid: 'A'.repeat(22), wrapped: 'A'.repeat(152) }],
      },
      'get /patients/{patient}/consultations/{id}/transcript': '',
      'get /patients/{patient}': '',
      'get /patients/{patient}/appointments': '',
      'get /patients/{patient}/consultations': '',
      'get /patients/{patient}/history': `?kind=report&id=${ids['report'] ?? ''}`,
    };
  }

  it('explain: a stranger who asks about themselves learns nothing of anybody’s consents', async () => {
    await world.grant(
      maria,
      maria,
      terms(north, undefined, { grantee: { kind: 'hospital', id: north.userId } }),
    );
    const stranger = await world.patient('Wen');
    const answer = await stranger.ask(
      'GET',
      `/patients/${maria.userId}/explain?actor=${stranger.userId}&actingFor=${north.userId}` +
        `&report=${ids['report'] ?? ''}&action=view&purpose=treatment`,
    );
    expect(Buffer.from(answer.bytes).toString()).to.not.match(/"considered":\[\{/);
  });
});
