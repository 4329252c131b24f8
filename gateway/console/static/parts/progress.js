/** What is shown while a picture is made: how far it is, how long it has taken, when it will have ended. */

import { html, nothing } from "../vendor/lit-html.js";
import { T } from "../texts.js";
import { elapsed, expectation } from "./expectation.js";

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
