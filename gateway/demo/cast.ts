// Who is in the story, and what they bring: two hospitals, two doctors, three patients, one relative; real files.

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

export function gather(url: string): Cast {
  const person = (name: string, login: string) => new Person(name, url, login, PASSWORD);
  return {
    north: person('North Hospital', 'office@north.example'),
    south: person('South Clinic', 'office@south.example'),
    drAdeyemi: person('Dr Adeyemi', 'adeyemi@north.example'),
    drBruun: person('Dr Bruun', 'bruun@south.example'),
    maria: person('Maria', 'maria@mail.example'),
    tomas: person('Tomas', 'tomas@mail.example'),
    wen: person('Wen', 'wen@mail.example'),
    lena: person('Lena', 'lena@mail.example'),
  };
}

export interface SampleFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export async function sample(folder: 'covers' | 'reports', name: string): Promise<SampleFile> {
  return { name, bytes: await readFile(new URL(`${folder}/${name}`, samples)) };
}
