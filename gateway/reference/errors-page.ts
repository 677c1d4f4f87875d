// docs/errors.md, written from the table of codes.
import { gatewayErrorRows } from '../errors.js';
import { markdownTable } from './markdown.js';

/** The whole text of docs/errors.md. */
export function errorsPage(): string {
  const rows = gatewayErrorRows.map((row) => [
    `\`${row.code}\``,
    String(row.status),
    row.title,
    row.remedy,
  ]);
  return `# Errors of the gateway

<!-- Generated from gateway/errors.ts by \`npm run reference -w gateway\`. Do not edit by hand. -->

Every answer that is not a success is an RFC 9457 problem document (\`application/problem+json\`):

\`\`\`json
{
  "type": "/api/docs/errors#NOT_FOUND",
  "title": "Not found",
  "status": 404,
  "detail": "No report of this id.",
  "code": "NOT_FOUND",
  "instance": "urn:prms:request:5b1e…",
  "ids": { "report": "…" }
}
\`\`\`

\`code\` is what a program should look at; it is one of the codes below and nothing else. \`instance\` carries the
request's id, which is also in the \`X-Request-Id\` header and in the gateway's log. \`VALIDATION\` adds \`fields\`
(\`path\` and \`message\` each), \`REFUSED\` adds \`reason\` (the ledger's own code), \`TOO_LARGE\` adds \`limitBytes\`;
\`TOO_MANY\` and \`BUSY\` come with a \`Retry-After\` header, \`METHOD_NOT_ALLOWED\` with \`Allow\`. Answers with status
500 never say what went wrong inside: the log does, under the request's id.

${markdownTable(['Code', 'Status', 'Title', 'What to do'], rows)}
`;
}
