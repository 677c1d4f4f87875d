// The page: one file, no script, nothing fetched; for a laptop and for paper.
import type { Results } from '../results/read.js';
import type { Manifest, RunResult } from '../results/result.js';
import type { Chart } from './charts/chart.js';
import { COLUMNS, standingOf } from './columns.js';
import { figure } from './format.js';
import { Html, html } from './html.js';
import { STYLE } from './style.js';

export interface Drawn {
  readonly chart: Chart;
  readonly svg: string;
}

export function pageOf({ manifest, runs }: Results, drawn: readonly Drawn[]): string {
  const results = runs.map(({ result }) => result);
  const left = results.filter(({ valid, interrupted }) => !valid || interrupted);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'"
        />
        <title>Benchmark report, ${day(manifest.createdAt)}</title>
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        <header>
          <h1>Benchmark report</h1>
          <p class="command">
            <code>${manifest.command}</code>
          </p>
        </header>
        <main>
          ${manifestOf(manifest, results)} ${platformsOf(results)} ${leftOut(left)}
          <section>
            <h2>Figures</h2>
            ${drawn.length === 0 ? [html`<p>No run has anything to draw.</p>`] : drawn.map(figureOf)}
          </section>
          ${tableOf(results)}
        </main>
      </body>
    </html> `;
  return page.markup;
}

const day = (iso: string): string => iso.slice(0, 10);

function manifestOf(manifest: Manifest, results: readonly RunResult[]): Html {
  const { machine, versions, commit, createdAt } = manifest;
  const seeds = [...new Set([manifest.seed, ...results.map(({ workload }) => workload.seed)])];
  const facts: readonly (readonly [string, string])[] = [
    ['made', createdAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
    ['processor', `${machine.processor}, ${machine.cores} cores`],
    ['memory', `${figure(machine.memoryBytes / 2 ** 30)} GiB`],
    ['kernel', machine.kernel],
    ['file system', machine.filesystem],
    ['load before', `${machine.loadBefore.toFixed(2)} (one minute)`],
    [
      'versions',
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ['commit', commit === null ? 'unknown' : commit.replace(/\+$/, ', with changes of its own')],
    ['seed', seeds.join(', ')],
    ['runs', String(results.length)],
  ];
  return html`<section>
    <h2>Where and how</h2>
    <dl>
      ${facts.map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd>${value}</dd>`,
      )}
    </dl>
  </section>`;
}

function platformsOf(results: readonly RunResult[]): Html {
  const rows = new Map<string, RunResult['platform']>();
  for (const { platform } of results) {
    const { name, version, built, window, lanes } = platform;
    rows.set(JSON.stringify([name, version, built, window, lanes]), platform);
  }
  return html`<section>
    <h2>Platforms</h2>
    <p>
      Whom a user has to trust differs by class. Figures of different classes are not like for like.
    </p>
    <div class="wide">
      <table>
        <thead>
          <tr>
            <th>platform</th>
            <th>trust class</th>
            <th>version</th>
            <th>built</th>
            <th>switched off</th>
            <th class="number">window</th>
            <th class="number">lanes</th>
          </tr>
        </thead>
        <tbody>
          ${[...rows.values()].map(
            ({ name, trust, version, built, switchedOff, window, lanes }) =>
              html`<tr>
                <td>${name}</td>
                <td>${trust}</td>
                <td>${version}</td>
                <td>${built}</td>
                <td>${switchedOff.length === 0 ? 'nothing' : switchedOff.join(', ')}</td>
                <td class="number">${figure(window)}</td>
                <td class="number">${figure(lanes)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

/** Runs that no chart shows. */
function leftOut(results: readonly RunResult[]): Html {
  if (results.length === 0) return html``;
  return html`<section class="left-out">
    <h2>Not drawn</h2>
    <ul>
      ${results.map(
        ({ run, invalidBecause, interrupted }) =>
          html`<li>
            <code>${run}</code>:
            ${[
              ...(interrupted ? ['interrupted before its end'] : []),
              ...(invalidBecause.length > 0 ? [`invalid: ${invalidBecause.join('; ')}`] : []),
            ].join('; ')}
          </li>`,
      )}
    </ul>
  </section>`;
}

function figureOf({ chart, svg }: Drawn): Html {
  return html`<figure id="${chart.id}">
    <h3>${chart.title}</h3>
    <p class="reading">${chart.reading}</p>
    <div class="chart">${new Html(svg)}</div>
    <figcaption>
      ${chart.notes.map((note) => html`<p>${note}</p>`)} ${commandsOf(chart.commands)}
    </figcaption>
  </figure>`;
}

function commandsOf(commands: readonly string[]): Html {
  return html`<ul class="commands">
    ${commands.map((command) => html`<li><code>${command}</code></li>`)}
  </ul>`;
}

function tableOf(results: readonly RunResult[]): Html {
  const class_ = (words?: true): string => (words === true ? 'words' : 'number');
  return html`<section class="runs">
    <h2>All runs</h2>
    <p>
      Throughput counts successes only. Latency runs from the intended start to the durable commit;
      what was lost or failed counts as beyond the time-out (“>”). “–”: fewer than a hundred values
      lie beyond that percentile. Figures of invalid runs don't count; latencies under overload say
      nothing.
    </p>
    <div class="wide">
      <table>
        <thead>
          <tr>
            ${COLUMNS.map(({ title, words }) => html`<th class="${class_(words)}">${title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${results.map(
            (result) =>
              html`<tr class="${standingOf(result) === 'valid' ? '' : 'marked'}">
                ${COLUMNS.map(
                  ({ shown, words }) => html`<td class="${class_(words)}">${shown(result)}</td>`,
                )}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}
