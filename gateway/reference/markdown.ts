// Markdown tables as prettier lays them out, so that generated pages pass the format check as they are.

/** A table with aligned columns. `rows` hold one cell a column; pipes in cells are escaped. */
export function markdownTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const escaped = [header, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = header.map((_, column) =>
    Math.max(3, ...escaped.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => pad(cells[column] ?? '', width)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  const [head = [], ...body] = escaped;
  return [line(head), rule, ...body.map(line)].join('\n');
}

const pad = (cell: string, width: number): string => cell + ' '.repeat(width - cell.length);
