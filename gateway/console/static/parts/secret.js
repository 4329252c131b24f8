/** A secret that the service shows this once. */

import { html, nothing } from "../vendor/lit-html.js";
import { T } from "../texts.js";
import { copyText } from "./copy.js";

/** @typedef {{name: string, value: string}} Secret */

/** @param {Secret | null} secret */
export function secretNotice(secret) {
  if (!secret) return nothing;
  const copy = async (/** @type {Event} */ event) => {
    const button = /** @type {HTMLButtonElement} */ (event.currentTarget);
    button.textContent = (await copyText(secret.value)) ? T.secret.copied : T.secret.notCopied;
  };
  return html`<article class="notice secret" role="status">
    <p><strong>${secret.name}</strong></p>
    <p>${T.secret.once}</p>
    <div class="copied"><code>${secret.value}</code><button type="button" class="secondary" @click=${copy}>${T.secret.copy}</button></div>
  </article>`;
}
