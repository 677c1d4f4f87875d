// From a chart's description (Vega-Lite) to an SVG that needs nothing else: no script, no font, no network.
import * as vega from 'vega';
import { escaped } from './html.js';
import { compile, type Config, type TopLevelSpec } from 'vega-lite';

/** Text and lines take the colour of the text around them, so a chart follows the page from light to dark. */
const INK = 'currentColor';

const CONFIG: Config = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: {
    labelColor: INK,
    titleColor: INK,
    domainColor: INK,
    tickColor: INK,
    gridColor: INK,
    gridOpacity: 0.13,
    domainOpacity: 0.5,
    tickOpacity: 0.5,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    titlePadding: 8,
    labelOverlap: 'greedy',
  },
  legend: {
    labelColor: INK,
    titleColor: INK,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelLimit: 420,
    symbolSize: 70,
    orient: 'bottom',
    direction: 'vertical',
  },
  title: { color: INK, fontSize: 12, fontWeight: 'normal', anchor: 'start' },
};

/**
 * Draws one chart.
 * @param label says in words what the chart shows, for those who don't see it
 */
export async function drawn(spec: TopLevelSpec, label: string): Promise<string> {
  const { spec: compiled } = compile(spec, { config: CONFIG });
  const view = new vega.View(vega.parse(compiled), { renderer: 'none' });
  try {
    return labelled(await view.toSVG(), label);
  } finally {
    view.finalize();
  }
}

/** For screen readers the chart is one picture with a description; what it is drawn from is none of their concern. */
function labelled(svg: string, label: string): string {
  const opening = /^<svg [^>]*>/.exec(svg)?.[0];
  if (opening === undefined) throw new Error('Vega drew something that is not an SVG');
  const named = opening.replace(/^<svg /, `<svg role="img" aria-label="${escaped(label)}" `);
  // Vega marks each part with roles of its own.
  const rest = svg
    .slice(opening.length)
    .replace(/ (?:role|aria-roledescription|aria-label|aria-hidden)="[^"]*"/g, '');
  return named + rest;
}
