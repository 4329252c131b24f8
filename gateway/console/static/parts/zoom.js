/** A picture that opens in the whole window, and there in its own size. */

import { html, nothing } from "../vendor/lit-html.js";
import { local } from "../format.js";
import { T } from "../texts.js";

/**
 * @param {{url: string, width: number, height: number}} picture @param {string} alt
 * @param {{content?: unknown, below?: unknown, kind?: string}} [options] `content`: what the button shows, the picture
 *   where nothing is given; `below`: what stands below the opened picture; `kind`: the class of the button
 */
export function zoomable({ url, width, height }, alt, { content, below = nothing, kind = "picture" } = {}) {
  const open = (/** @type {Event} */ event) => /** @type {any} */ (event.currentTarget).nextElementSibling.showModal();
  const close = (/** @type {Event} */ event) => dialogOf(event).close();
  const resize = (/** @type {Event} */ event) => dialogOf(event).classList.toggle("natural");
  const image = html`<img src=${local(url)} alt=${alt} width=${width} height=${height} loading="lazy" />`;
  return html`
    <button type="button" class=${kind} aria-label=${`${T.generation.zoom}: ${alt}`} @click=${open}>${content ?? image}</button>
    <dialog class="zoom" aria-label=${alt}>
      <div class="buttons">
        <button type="button" class="secondary outline" @click=${resize}>${T.generation.natural(width, height)}</button>
        <a role="button" class="secondary outline" href=${local(url)} download>${T.generation.download}</a>
        <button type="button" class="secondary" @click=${close}>${T.generation.close}</button>
      </div>
      <div class="zoomed">${image}</div>
      ${below}
    </dialog>
  `;
}

/** @param {Event} event */
const dialogOf = (event) => /** @type {HTMLDialogElement} */ (/** @type {HTMLElement} */ (event.currentTarget).closest("dialog"));
