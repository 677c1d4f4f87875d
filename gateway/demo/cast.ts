// Who is in the story, and what they bring: two hospitals, each with a gateway of its own, two doctors, three patients,
// one relative; real files. Everybody talks to one gateway only: that of the hospital that they go to.

import { readFile } from 'node:fs/promises';
import { Person } from './client.js';

const PASSWORD = 'a long walk by the sea';
const samples = new URL('../../../samples/', import.meta.url);

export interface Cast {
  readonly north: Person;
  readonly south: Person;
  readonly drAdeyemi: Person;
  readonly drBruun: Person;
  readonly maria: Person;
  readonly tomas: Person;
  readonly wen: Person;
  readonly lena: Person;
}

/** Where the two hospitals' gateways answer. */
export interface Places {
  readonly north: string;
  readonly south: string;
}

export function gather({ north, south }: Places): Cast {
  const at = (url: string) => (name: string, login: string) =>
    new Person(name, url, login, PASSWORD);
  const [atNorth, atSouth] = [at(north), at(south)];
  return {
    north: atNorth('North Hospital', 'office@north.example'),
    drAdeyemi: atNorth('Dr Adeyemi', 'adeyemi@north.example'),
    maria: atNorth('Maria', 'maria@mail.example'),
    lena: atNorth('Lena', 'lena@mail.example'),
    south: atSouth('South Clinic', 'office@south.example'),
    drBruun: atSouth('Dr Bruun', 'bruun@south.example'),
    tomas: atSouth('Tomas', 'tomas@mail.example'),
    wen: atSouth('Wen', 'wen@mail.example'),
  };
}

export interface SampleFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export async function sample(folder: 'covers' | 'reports', name: string): Promise<SampleFile> {
  return { name, bytes: await readFile(new URL(`${folder}/${name}`, samples)) };
}
