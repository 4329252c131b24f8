/** Generations by day, as bars; days without any are shown too. */

import { html, svg } from "../vendor/lit-html.js";
import { number } from "../format.js";
import { T } from "../texts.js";

const HEIGHT = 120;
const STEP = 24;

/** @param {{from: string, to: string, usage: {day: string, completed: number, failed: number, running: number, generations: number}[]}} usage */
export function dayChart({ from, to, usage }) {
  const lines = new Map(usage.map((line) => [line.day, line]));
  const days = daysBetween(from, to);
  const most = Math.max(1, ...usage.map((line) => line.generations));
  const bars = days.map((day, index) => bar(day, index, lines.get(day), most));
  return html`
    <div class="overflow-auto chart-window" role="region" tabindex="0" aria-label=${T.usage.byDay}><svg class="chart" viewBox=${`0 0 ${days.length * STEP} ${HEIGHT + 20}`} role="img" aria-label=${T.usage.chart}>${bars}</svg></div>
    <details>
      <summary>${T.usage.chart}</summary>
      <table class="striped">
        <tbody>${usage.map((line) => html`<tr><th scope="row">${line.day}</th><td class="number">${number(line.generations)}</td></tr>`)}</tbody>
      </table>
    </details>
  `;
}

/** @param {string} day @param {number} index @param {any} line @param {number} most */
function bar(day, index, line, most) {
  const scaled = (/** @type {number} */ count) => (count / most) * HEIGHT;
  const [failed, rest] = line ? [scaled(line.failed), scaled(line.generations - line.failed)] : [0, 0];
  const x = index * STEP;
  return svg`<g>
    <title>${`${day}: ${line?.generations ?? 0}`}</title>
    <rect class="base" x=${x + 3} y=${HEIGHT - 1} width=${STEP - 6} height="1" />
    <rect class="good" x=${x + 3} y=${HEIGHT - rest} width=${STEP - 6} height=${rest} rx="2" />
    <rect class="bad" x=${x + 3} y=${HEIGHT - rest - failed} width=${STEP - 6} height=${failed} rx="2" />
    <text x=${x + STEP / 2} y=${HEIGHT + 14}>${day.slice(8)}</text>
  </g>`;
}

/** @param {string} from @param {string} to */
function daysBetween(from, to) {
  const days = [];
  for (const day = new Date(`${from}T00:00:00Z`); day <= new Date(`${to}T00:00:00Z`); day.setUTCDate(day.getUTCDate() + 1)) {
    days.push(day.toISOString().slice(0, 10));
  }
  return days;
}
