// The kinds of work that a gateway is killed under, and the people who do it all at once.
import { SETUP_CODE } from '../world.js';
import { AppointmentBook } from './appointments.js';
import { CareRequests } from './care.js';
import { ConsentChanges } from './consents.js';
import { Emergencies } from './emergencies.js';
import { RecordExports } from './exports.js';
import { Door, type Common, type Kind } from './kind.js';
import { OwnKeyWork } from './own-keys.js';
import { Relatives } from './relatives.js';
import { Rotations } from './rotations.js';

export { expectWraps } from './stored-wraps.js';
export { Door, PATIENT, untilDead, visitorAt, type Common, type Kind } from './kind.js';

/** Two hospitals, of which the first has founded the ledger. */
export async function foundedAt(door: Door): Promise<Common> {
  const profile = (name: string) => ({ profile: { name } });
  const founding = { ...profile('North'), setupCode: SETUP_CODE };
  const north = await door.visitor('north').register('hospital', founding);
  const south = await door.visitor('south').register('hospital', profile('South'));
  await north.change(`/hospitals/${south.userId}/vote`);
  return { door, north, south };
}

/** Everybody comes. A new kind of work is a line here. */
export function settled(common: Common): Promise<readonly [ConsentChanges, Relatives, ...Kind[]]> {
  return Promise.all([
    ConsentChanges.settle(common),
    Relatives.settle(common),
    Rotations.settle(common),
    CareRequests.settle(common),
    AppointmentBook.settle(common),
    Emergencies.settle(common),
    RecordExports.settle(common),
    OwnKeyWork.settle(common),
  ]);
}
