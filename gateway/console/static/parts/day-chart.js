/** Generations by day, as bars with their numbers; days without any are shown too. */

import { html, svg } from "../vendor/lit-html.js";
import { number } from "../format.js";
import { T } from "../texts.js";

const HEIGHT = 120;
const STEP = 24;
const NAMED_EVERY = 5; // days, where the window is narrow

/** @typedef {{day: string, completed: number, failed: number, running: number, generations: number}} Line */

/** @param {{from: string, to: string, usage: Line[]}} usage */
export function dayChart({ from, to, usage }) {
  const lines = new Map(usage.map((line) => [line.day, line]));
  const days = daysBetween(from, to);
  const most = Math.max(1, ...usage.map((line) => line.generations));
  const bars = days.map((day, index) => bar(day, index, lines.get(day), most));
  return html`
    <figure class="chart">
      <figcaption><span class="key good">${T.usage.made}</span> <span class="key bad">${T.usage.counts.failed}</span></figcaption>
      <div class="days">${days.map((day) => html`<span>${lines.get(day)?.generations ? number(lines.get(day)?.generations ?? 0) : ""}</span>`)}</div>
      <svg viewBox=${`0 0 ${days.length * STEP} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${T.usage.chart}>${bars}</svg>
      <div class="days" aria-hidden="true">${days.map((day, index) => html`<span class=${index % NAMED_EVERY === 0 || index === days.length - 1 ? "" : "often"}>${Number(day.slice(8))}</span>`)}</div>
    </figure>
    <details>
      <summary>${T.usage.asTable}</summary>
      <table class="striped">
        <thead><tr><th scope="col">${T.usage.day}</th><th scope="col" class="number">${T.usage.counts.generations}</th><th scope="col" class="number">${T.usage.counts.failed}</th></tr></thead>
        <tbody>${usage.map((line) => html`<tr><th scope="row">${line.day}</th><td class="number">${number(line.generations)}</td><td class="number">${number(line.failed)}</td></tr>`)}</tbody>
      </table>
    </details>
  `;
}

/** @param {string} day @param {number} index @param {Line | undefined} line @param {number} most */
function bar(day, index, line, most) {
  const scaled = (/** @type {number} */ count) => (count / most) * HEIGHT;
  const [failed, rest] = line ? [scaled(line.failed), scaled(line.generations - line.failed)] : [0, 0];
  const x = index * STEP;
  return svg`<g>
    <title>${`${day}: ${line?.generations ?? 0}`}</title>
    <rect class="base" x=${x} y=${HEIGHT - 1} width=${STEP} height="1" />
    <rect class="good" x=${x + 3} y=${HEIGHT - rest} width=${STEP - 6} height=${rest} />
    <rect class="bad" x=${x + 3} y=${HEIGHT - rest - failed} width=${STEP - 6} height=${failed} />
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
