/** Fields of forms. */

import { html, nothing } from "../vendor/lit-html.js";

/**
 * @param {string} name @param {string} label
 * @param {{type?: string, value?: string | number, required?: boolean, hint?: string, list?: string, min?: number,
 *   max?: number, step?: number | string, pattern?: string, form?: string, wrong?: string}} [options]
 *   `form`: what the pattern means, in words; `wrong`: what the service has said against the value
 */
export function field(name, label, options = {}) {
  const { type = "text", value = "", required = false, hint, list, min, max, step, pattern, form, wrong } = options;
  return html`<label>
    ${label}
    <input
      name=${name} type=${type} .value=${String(value)} ?required=${required} placeholder=${hint ?? nothing}
      list=${list ?? nothing} min=${min ?? nothing} max=${max ?? nothing} step=${step ?? nothing}
      pattern=${pattern ?? nothing} title=${form ?? nothing} aria-invalid=${wrong ? "true" : nothing}
      spellcheck="false" autocomplete="off"
    />
    ${wrong ? html`<small class="wrong">${wrong}</small>` : nothing}
  </label>`;
}

/** @param {string} name @param {string} label @param {[value: string, text: string][]} options @param {string} [chosen] */
export function choice(name, label, options, chosen = "") {
  return html`<label>
    ${label}
    <select name=${name}>
      ${options.map(([value, text]) => html`<option value=${value} ?selected=${value === chosen}>${text}</option>`)}
    </select>
  </label>`;
}

/** @param {string} name @param {string} value @param {unknown} label @param {boolean} [checked] */
export const checkbox = (name, value, label, checked = false) =>
  html`<label><input type="checkbox" name=${name} value=${value} ?checked=${checked} /> ${label}</label>`;

/** Read what a form holds; fields that are empty are left out. @param {Event} event @returns {Record<string, string>} */
export function valuesOf(event) {
  const given = [...formOf(event)].map(([name, value]) => [name, String(value).trim()]);
  return Object.fromEntries(given.filter(([, value]) => value !== ""));
}

/** @param {Event} event */
export function formOf(event) {
  event.preventDefault();
  return new FormData(/** @type {HTMLFormElement} */ (event.target));
}

/** Write the time of a `datetime-local` field, which is that of this browser. @param {string} local */
export const momentOf = (local) => new Date(local).toISOString();
