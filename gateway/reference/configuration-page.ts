// docs/configuration.md, written from the table of settings.
import { expectation, settingNames, settings } from '../config/index.js';
import type { Setting } from '../config/index.js';
import { markdownTable } from './markdown.js';

/** The whole text of docs/configuration.md. */
export function configurationPage(): string {
  const rows = settingNames.map((name) => {
    const setting: Setting = settings[name];
    const preset = setting.default === '' ? '(empty)' : `\`${setting.default}\``;
    return [
      `\`${setting.env}\``,
      `\`${name}\``,
      preset,
      setting.unit,
      expectation(setting),
      setting.doc,
    ];
  });
  return `# Configuration

<!-- Generated from gateway/config/settings.ts by \`npm run reference -w gateway\`. Do not edit by hand. -->

A setting is taken from its environment variable, else from \`prms.config.json\` in the working directory (a flat JSON
object; \`PRMS_CONFIG\` names another file), else it has its default. A value that does not fit stops the start with a
message that names it. \`npx prms config\` prints what is in force and where each value came from;
\`--json\` prints it as one JSON object, \`{ setting: { value, source } }\`. Secrets are not shown.

${markdownTable(['Variable', 'In the file', 'Default', 'Unit', 'Must be', 'Meaning'], rows)}
`;
}
