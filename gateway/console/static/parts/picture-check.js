/** Whether a picture arrived as the service says: its SHA-256, where this browser can compute one. */

import { html, nothing } from "../vendor/lit-html.js";
import { local } from "../format.js";
import { CannotCheckError, hex, sha256, subtle } from "../proofs/bytes.js";
import { T } from "../texts.js";

/** @typedef {"good" | "bad" | "insecure" | ""} Checked */

/** @param {{url: string, sha256: string}} picture @param {AbortSignal} signal @returns {Promise<Checked>} */
export async function checkPicture(picture, signal) {
  try {
    subtle(); // before anything is read
    const answer = await fetch(local(picture.url), { signal });
    if (!answer.ok) return "";
    return hex(await sha256(await answer.arrayBuffer())) === picture.sha256 ? "good" : "bad";
  } catch (error) {
    return error instanceof CannotCheckError ? "insecure" : "";
  }
}

/** @param {Checked} checked */
export function pictureCheck(checked) {
  if (checked === "good") return html`<p class="checked good"><span aria-hidden="true">✓</span> ${T.generation.hashGood}</p>`;
  if (checked === "bad") return html`<p class="notice error" role="alert">${T.generation.hashBad}</p>`;
  return checked === "insecure" ? html`<p class="notice insecure" role="status">${T.generation.hashInsecure}</p>` : nothing;
}
