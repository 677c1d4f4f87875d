// docs/consultation-frames.md, written from the schemas of a consultation's frames.
import { z } from 'zod';
import { clientFrameSchema, serverFrameSchema } from '../services/consultations/index.js';

type JsonSchema = Readonly<Record<string, unknown>>;

/** Columns that a value may take before it is broken into lines. */
const WIDTH = 100;

/** Each frame's JSON Schema by its `type`, as a client sends it or is sent it. */
export function frameSchemas(of: 'client' | 'gateway'): ReadonlyMap<string, JsonSchema> {
  const [union, io] =
    of === 'client'
      ? ([clientFrameSchema, 'input'] as const)
      : ([serverFrameSchema, 'output'] as const);
  const frames = union.options.map((frame) => {
    const { $schema: _, ...schema } = z.toJSONSchema(frame, { io, override: withoutSafeIntegers });
    return [frame.shape.type.value, schema] as const;
  });
  return new Map(frames);
}

/** The whole text of docs/consultation-frames.md. */
export function framesPage(): string {
  return `# Frames of a consultation's WebSocket

<!-- Generated from gateway/services/consultations/frames.ts by \`npm run reference -w gateway\`. Do not edit by hand. -->

JSON Schema (2020-12) of each frame; what they mean is in [consultations](consultations.md). A client's frame that does not fit
is answered with a \`problem\` (\`VALIDATION\`).

## What a client sends

${sections('client')}

## What the gateway sends

${sections('gateway')}
`;
}

function sections(of: 'client' | 'gateway'): string {
  return [...frameSchemas(of)]
    .map(([type, schema]) => `### \`${type}\`\n\n<!-- prettier-ignore -->\n${fenced(schema)}`)
    .join('\n\n');
}

const fenced = (schema: JsonSchema): string => `\`\`\`json\n${laidOut(schema)}\n\`\`\``;

/** JSON in which what fits on a line stands on one. */
function laidOut(value: unknown, indent = ''): string {
  const short = JSON.stringify(value, null, 1).replaceAll(/\n\s*/g, ' ');
  if (typeof value !== 'object' || value === null || indent.length + short.length <= WIDTH)
    return short;
  const deeper = `${indent}  `;
  const lines = Array.isArray(value)
    ? value.map((item) => deeper + laidOut(item, deeper))
    : Object.entries(value).map(
        ([name, item]) => `${deeper}${JSON.stringify(name)}: ${laidOut(item, deeper)}`,
      );
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}

/** That a number is one of JavaScript's whole numbers says nothing about a frame. */
function withoutSafeIntegers({ jsonSchema }: { jsonSchema: Record<string, unknown> }): void {
  if (jsonSchema['maximum'] === Number.MAX_SAFE_INTEGER) delete jsonSchema['maximum'];
  if (jsonSchema['minimum'] === Number.MIN_SAFE_INTEGER) delete jsonSchema['minimum'];
}
