/** Copy a text, also where the page is not served by HTTPS and has no clipboard. */

import { html } from "../vendor/lit-html.js";
import { T } from "../texts.js";

/** A button that copies a text and says so. @param {string} text @param {string} [about] what the text is */
export function copyButton(text, about) {
  const copy = async (/** @type {Event} */ event) => {
    const button = /** @type {HTMLButtonElement} */ (event.currentTarget);
    const said = /** @type {HTMLElement} */ (button.nextElementSibling);
    said.textContent = (await copyText(text)) ? T.secret.copied : T.secret.notCopied;
  };
  return html`<span class="copying">
    <button type="button" class="secondary outline small" aria-label=${about ? `${T.secret.copy}: ${about}` : T.secret.copy} @click=${copy}>${T.secret.copy}</button>
    <small role="status"></small>
  </span>`;
}

/** @param {string} text @returns {Promise<boolean>} whether it was copied */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text); // no clipboard over plain HTTP, or the browser denies it
  }
}

/** @param {string} text @returns {boolean} whether it was copied */
function copySelected(text) {
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } finally {
    area.remove();
  }
}
