/** The phases of a generation, one below the other, each beginning where the one before ends. */

import { html, svg } from "../vendor/lit-html.js";
import { duration } from "../format.js";
import { T } from "../texts.js";

/** @param {Record<string, number>} phasesMs */
export function waterfall(phasesMs) {
  const phases = Object.entries(phasesMs).filter(([, ms]) => ms > 0);
  const total = phases.reduce((sum, [, ms]) => sum + ms, 0) || 1;
  let start = 0;
  const rows = phases.map(([name, ms]) => {
    const bar = svg`<rect x=${(start / total) * 100} y="1" width=${Math.max((ms / total) * 100, 0.6)} height="6" rx="1" />`;
    start += ms;
    return html`<tr>
      <th scope="row">${T.generation.phases[name] ?? name}</th>
      <td class="bar"><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">${bar}</svg></td>
      <td class="number">${duration(ms)}</td>
    </tr>`;
  });
  return html`<table class="waterfall"><tbody>${rows}</tbody></table>`;
}
