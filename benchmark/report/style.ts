// How the page looks: light and dark as the reader's system is, and on paper.

export const STYLE = `
:root { color-scheme: light dark; --ink: #1c1f23; --soft: #5c636b; --paper: #fdfdfc; --line: #d9dcdf; --mark: #fff1d6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e6e8; --soft: #a0a7ae; --paper: #16181b; --line: #3a3f45; --mark: #3b2f17; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1000px; padding: 2rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .6rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
h3 { font-size: 1.05rem; margin: 0 0 .2rem; }
p { margin: .3rem 0; max-width: 75ch; }
code { font: .85em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 2rem 0 2.6rem; }
.reading { margin-bottom: .6rem; }
.chart svg { display: block; max-width: 100%; height: auto; }
figcaption { margin-top: .5rem; color: var(--soft); font-size: .85rem; }
.commands { list-style: none; margin: .4rem 0 0; padding: 0; max-height: 12rem; overflow: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .78rem; line-height: 1.35; }
th, td { padding: .3rem .55rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: bottom; }
th { color: var(--soft); font-weight: 600; }
td { white-space: nowrap; }
.number { text-align: right; }
.runs td:first-child, .runs th:first-child { position: sticky; left: 0; background: var(--paper); }
tr.marked td, .runs tr.marked td:first-child { background: var(--mark); }
@media print {
  :root { --ink: #000; --soft: #444; --paper: #fff; --line: #bbb; --mark: #eee; color-scheme: light; }
  @page { size: A4; margin: 14mm; }
  @page runs { size: A4 landscape; margin: 8mm; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  p { max-width: none; }
  figure { margin: 6mm 0 8mm; }
  .chart svg { width: auto; max-height: 78mm; }
  figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  thead { display: table-header-group; }
  .commands { max-height: none; }
  .commands code { font-size: .75em; }
  .wide { overflow: visible; }
  .runs { page: runs; }
  .runs table { font-size: 5.2pt; width: 100%; }
  .runs th, .runs td { padding: .12rem .15rem; position: static; }
  .runs td.words { white-space: normal; overflow-wrap: anywhere; min-width: 7em; }
}
`;
