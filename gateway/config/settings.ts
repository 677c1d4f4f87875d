// The table of settings, from which the types, the checks, `prms config` and docs/configuration.md are all made. Its rows
// stand in topics/, one file a topic; add a row there. What two settings owe each other stands in agreements.ts.
import type { Setting } from './kinds.js';
import { acquisition } from './topics/acquisition.js';
import { clouds } from './topics/clouds.js';
import { consultations } from './topics/consultations.js';
import { operations } from './topics/operations.js';
import { place } from './topics/place.js';
import { reading } from './topics/reading.js';
import { requests } from './topics/requests.js';
import { signingIn } from './topics/signing-in.js';
import { sockets } from './topics/sockets.js';
import { uploads } from './topics/uploads.js';

/** Every setting of the gateway, by the name it has in `prms.config.json` and in `Config`. */
export const settings = {
  ...place,
  ...signingIn,
  ...uploads,
  ...acquisition,
  ...reading,
  ...operations,
  ...clouds,
  ...requests,
  ...sockets,
  ...consultations,
} as const satisfies Record<string, Setting>;

/** The same rows under their headings, in the table's order. */
export const topics: readonly {
  readonly title: string;
  readonly rows: Readonly<Record<string, Setting>>;
}[] = [
  { title: 'Where it runs', rows: place },
  { title: 'Signing in', rows: signingIn },
  { title: 'Reports and covers that come in', rows: uploads },
  { title: 'What hospitals’ systems send', rows: acquisition },
  { title: 'Reading and emergencies', rows: reading },
  { title: 'Operations on their way to the ledger', rows: operations },
  { title: 'Clouds', rows: clouds },
  { title: 'Requests', rows: requests },
  { title: 'WebSockets', rows: sockets },
  { title: 'Consultations', rows: consultations },
];

export type SettingName = keyof typeof settings;

type ValueOf<S extends Setting> = S extends { kind: 'integer' | 'number' }
  ? number
  : S extends { kind: 'choice'; choices: readonly (infer Word)[] }
    ? Word
    : string;

/** The values in force, one a setting. */
export type Config = { readonly [Name in SettingName]: ValueOf<(typeof settings)[Name]> };
