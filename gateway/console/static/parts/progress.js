/** What a generation does while its picture is made: how far it is, how long it has taken, when it will have ended. */

import { html, nothing } from "../vendor/lit-html.js";
import { clock, seconds } from "../format.js";
import { T } from "../texts.js";

/** How long it has taken, at a moment. @param {{created_at: string}} generation @param {number} now milliseconds */
export const elapsed = ({ created_at: createdAt }, now) => seconds(Math.max(0, Math.floor((now - Date.parse(createdAt)) / 1000) * 1000));

/** When it is expected to end, in words; empty where nobody knows. @param {{queue?: any}} generation @param {number} now */
export function expectation({ queue }, now) {
  const end = queue?.estimated_completion;
  if (!end) return "";
  const left = Date.parse(end) - now;
  return left > 0 ? T.generation.expected(clock(end), seconds(left)) : T.generation.late;
}

/** @param {any} generation @param {any[]} events @param {number} now */
export function progress(generation, events, now) {
  const percent = events.findLast((event) => event.type === "generation.progressed")?.data.percent ?? 0;
  const isKnown = generation.status === "processing" && percent > 0;
  const expected = expectation(generation, now);
  return html`
    <p>${T.generation.waiting}</p>
    <div class="progress">
      <progress aria-label=${T.generation.progress} max="100" value=${isKnown ? percent : nothing}></progress>
      ${isKnown ? html`<output>${percent} %</output>` : nothing}
    </div>
    ${expected ? html`<p class="eta">${expected}</p>` : nothing}
    <small>${T.generation.elapsed(elapsed(generation, now))}</small>
  `;
}
