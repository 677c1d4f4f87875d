// docs/errors.md, written from the tables of codes.
import { REFUSALS } from '@prms/chaincode/model';
import { gatewayErrorRows } from '../errors.js';
import { chaincodeCodes, ledgerCodes } from './lower-codes.js';
import { markdownTable } from './markdown.js';

/** The whole text of docs/errors.md. */
export function errorsPage(): string {
  const rows = gatewayErrorRows.map((row) => [
    `\`${row.code}\``,
    String(row.status),
    row.title,
    row.remedy,
  ]);
  return `# Errors

<!-- Generated from gateway/errors.ts, chaincode/model/receipt.ts and gateway/reference/lower-codes.ts by \`npm run reference -w gateway\`. Do not edit by hand. -->

## Of the gateway

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
Every answer with status 429 or 503, and \`CLOUD_UNAVAILABLE\`, comes with a \`Retry-After\` header, \`METHOD_NOT_ALLOWED\` with \`Allow\`. Answers with status
500 never say what went wrong inside: the log does, under the request's id.

${markdownTable(['Code', 'Status', 'Title', 'What to do'], rows)}

## Refusals of the ledger

A signed operation that the rules do not allow gets a receipt that says so, with one of these codes. At the gateway it is
\`REFUSED\` with the code as \`reason\`; a request to read that was refused is on the ledger like one that was permitted.

${codeTable('Why', REFUSALS)}

## Errors of a ledger

\`LedgerError\` of \`@prms/network\`, for programs that use a ledger without the gateway. At the gateway they become
\`BUSY\`, \`LEDGER_UNAVAILABLE\`, \`COMMIT_TIMEOUT\` or \`NOT_FOUND\`.

${codeTable('When', ledgerCodes)}

## Errors of the chaincode

\`ChaincodeError\` of \`@prms/chaincode\` abandons a whole transaction. A peer’s client sees the code at the beginning of the
message.

${codeTable('When', chaincodeCodes)}
`;
}

function codeTable(heading: string, words: Readonly<Record<string, string>>): string {
  const rows = Object.entries(words).map(([code, text]) => [`\`${code}\``, text]);
  return markdownTable(['Code', heading], rows);
}
