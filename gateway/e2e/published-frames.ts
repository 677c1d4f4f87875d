// The frames of a consultation as docs/consultation-frames.md publishes them, to hold real ones against.
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { z } from 'zod';
import { docsFolder } from '../reference/index.js';

const ajv = new Ajv2020({ strict: false });

/** What a frame of each type must be, by the page alone. */
export function publishedFrames(of: 'client' | 'gateway'): ReadonlyMap<string, ValidateFunction> {
  const page = readFileSync(new URL('consultation-frames.md', docsFolder), 'utf8');
  const [, client = '', gateway = ''] = page.split(/^## What .*$/m);
  const sections = (of === 'client' ? client : gateway).split(/^### /m).slice(1);
  const frames = sections.map((section) => {
    const [, type = '', schema = ''] = /^`([a-z-]+)`[^]*?```json\n([^]*?)\n```/.exec(section) ?? [];
    return [type, ajv.compile(z.looseObject({}).parse(JSON.parse(schema)))] as const;
  });
  return new Map(frames);
}
