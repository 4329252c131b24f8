/** A secret that the service shows this once. */

import { html, nothing } from "../vendor/lit-html.js";
import { T } from "../texts.js";
import { copyButton } from "./copy.js";

/** @typedef {{name: string, value: string, of?: string}} Secret `of`: the id of the key that it is */

/** @param {Secret | null} secret */
export function secretNotice(secret) {
  if (!secret) return nothing;
  return html`<article class="notice secret" role="status" tabindex="-1">
    <p><strong>${secret.name}</strong></p>
    <p>${T.secret.once}</p>
    <div class="copied"><code>${secret.value}</code>${copyButton(secret.value)}</div>
  </article>`;
}
