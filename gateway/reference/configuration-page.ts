// docs/configuration.md, written from the table of settings.
import { agreements, expectation, settings, topics } from '../config/index.js';
import type { Setting } from '../config/index.js';
import { markdownTable } from './markdown.js';

/** The whole text of docs/configuration.md. */
export function configurationPage(): string {
  const sections = topics.map(({ title, rows }) => {
    const lines = Object.entries(rows).map(([name, setting]) => settingRow(name, setting));
    const heads = ['Variable', 'In the file', 'Default', 'Unit', 'Must be', 'Meaning'];
    return `## ${title}\n\n${markdownTable(heads, lines)}`;
  });
  const together = agreements.map(({ names: [small, large], because }) => [
    `\`${settings[small].env}\``,
    `\`${settings[large].env}\``,
    because,
  ]);
  return `# Configuration

<!-- Generated from gateway/config/ by \`npm run reference -w gateway\`. Do not edit by hand. -->

A setting is taken from its environment variable, else from \`prms.config.json\` in the working directory (a flat JSON
object; \`PRMS_CONFIG\` names another file), else it has its default. A value that does not fit stops the start with a
message that names it. \`npx prms config\` prints what is in force and where each value came from;
\`--json\` prints it as one JSON object, \`{ setting: { value, source } }\`. Secrets are not shown.

The sizes, queues, counts, attempts and time-outs that whoever runs a gateway may choose are here. Other limits are no
settings, and stand elsewhere:

- what a format or a standard says (a nonce's length, a chunk of an encrypted report): in that format's specification;
- what the ledger takes, the same on every gateway: in the chaincode, which refuses more;
- what a field, a list or a page of the interface may hold: in its description, \`GET /api/v1/openapi.json\`;
- when a client is told to come back, how much is read at a time, how often a lost race is run again: in the code.

\`gateway/config/limits.test.ts\` lists the named ones of the gateway's code and those in its schemas, each with its reason.

${sections.join('\n\n')}

## Together

Values that fit one by one must also fit each other, defaults included:

${markdownTable(['This', 'is at most', 'because'], together)}
`;
}

function settingRow(name: string, setting: Setting): string[] {
  const preset = setting.default === '' ? '(empty)' : `\`${setting.default}\``;
  const { env, unit, doc } = setting;
  return [`\`${env}\``, `\`${name}\``, preset, unit, expectation(setting), doc];
}
