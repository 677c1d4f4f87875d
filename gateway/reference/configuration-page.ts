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
object; \`PRMS_CONFIG\` names another file), else it has its default. Values that do not fit stop the start with a
message that names each of them, with its fault and where it came from. \`npx prms config\` prints what is in force and where each value came from;
\`--json\` prints it as one JSON object, \`{ setting: { value, source } }\`. Secrets are not shown.

Every size, count and time-out of a gateway that whoever runs it may choose is here, once, whatever part it bounds: HTTP,
the embedded ledger, hiding, the clouds. Every other one is fixed, for one of these reasons:

- a format, a standard or a method says it (a nonce's length, a chunk of an encrypted report): it stands in that format's
  specification;
- the ledger takes no more, the same on every gateway: it stands in the chaincode, which refuses more;
- clients are written against it (what a field of the interface may hold): it stands in the field's description,
  \`GET /api/v1/openapi.json\`;
- it changes no answer: how much is read, remembered or logged at a time, how often something is looked at, how often
  a lost race is run again;
- it guards a reader: what a document at rest may hold, what \`prms verify\` takes into memory of a file from anywhere. Both
  are above what is ever written there;
- it is there for whoever uses a package without a gateway, which always says its own.

\`gateway/config/limits.test.ts\` searches the code of the four packages that make up a gateway for such numbers (a file's
constants; bounds and presets of schemas and options; waits), and lists those that it may find, each with its reason.

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
