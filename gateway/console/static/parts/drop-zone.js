/** Where example pictures are dropped or chosen, ordered and removed. */

import { html, nothing } from "../vendor/lit-html.js";
import { T } from "../texts.js";
import { faultsOfPicture } from "./faults.js";
import { hints, MOST, refusalOf } from "./pictures.js";

/** @param {any} state @param {any} actions */
export function dropZone(state, { add, remove, move, update }) {
  const drop = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    state.over = false;
    add([...(event.dataTransfer?.files ?? [])]);
  };
  const over = (/** @type {boolean} */ is) => (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    if (state.over !== is) update({ over: is });
  };
  const choose = (/** @type {any} */ event) => {
    add([...event.target.files]);
    event.target.value = "";
  };
  const room = state.chosen.length < MOST;
  return html`
    <div class=${`drop ${state.over ? "over" : ""}`} @drop=${drop} @dragover=${over(true)} @dragleave=${over(false)}>
      <ol class="chosen">${state.chosen.map((/** @type {any} */ picture, /** @type {number} */ index) => thumbnail(picture, index))}</ol>
      ${room
        ? html`<label class="pick">
            <span>${T.create.drop} <u>${T.create.choose}</u></span>
            <small>${T.create.formats}</small>
            <input type="file" accept="image/jpeg,image/png,image/webp" multiple @change=${choose} />
          </label>`
        : nothing}
    </div>
    <ul class="hints" aria-live="polite">
      ${state.told.map((/** @type {string} */ text) => html`<li class="wrong">${text}</li>`)}
      ${hints(state.chosen).map((text) => html`<li>${text}</li>`)}
    </ul>
  `;

  /** @param {any} picture @param {number} index */
  function thumbnail(picture, index) {
    const button = (/** @type {string} */ sign, /** @type {string} */ text, /** @type {() => void} */ act, disabled = false) => html`
      <button type="button" class="plain" title=${text} aria-label=${`${text}: ${picture.name}`} ?disabled=${disabled} @click=${act}>${sign}</button>
    `;
    const faults = faultsOfPicture(state.error, index + 1).map(({ text }) => text);
    const wrong = faults.length > 0 ? faults : [refusalOf(picture)].filter(Boolean);
    return html`
      <li class=${wrong.length > 0 ? "refused" : ""}>
        ${picture.width ? html`<img src=${picture.url} alt=${picture.name} />` : html`<div class="no-picture" role="img" aria-label=${picture.name}><span>${picture.name}</span></div>`}
        <small>${index + 1} · ${picture.width ? `${picture.width} × ${picture.height}` : T.create.unknownSize}</small>
        ${wrong.map((text) => html`<small class="wrong">${text}</small>`)}
        <div class="tools">
          ${button("←", T.create.earlier, () => move(index, index - 1), index === 0)}
          ${button("→", T.create.later, () => move(index, index + 1), index === state.chosen.length - 1)}
          ${button("✕", T.create.remove, () => remove(index))}
        </div>
      </li>
    `;
  }
}
