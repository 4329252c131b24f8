/** The versions of a generation on a slider: the state at one, the event that led to it, what changed since another. */

import { html, nothing } from "../vendor/lit-html.js";
import { moment } from "../format.js";
import { T } from "../texts.js";

const LEFT_OUT = new Set(["developer", "project", "user"]); // they never change

/** @param {any} state @param {(change: {version?: number, chosen?: number}) => void} show */
export function timeSlider(state, show) {
  const { version, last, shown, events } = state;
  const slide = (/** @type {any} */ event) => show({ version: Number(event.target.value) });
  const step = (/** @type {number} */ to, /** @type {string} */ sign, /** @type {string} */ text) => html`
    <button type="button" class="secondary outline small" aria-label=${text} title=${text} ?disabled=${to < 1 || to > last} @click=${() => show({ version: to })}>${sign}</button>
  `;
  return html`
    <h2>${T.history.slider}</h2>
    <div class="slider">
      ${step(version - 1, "←", T.history.earlier)}
      <label>
        <span class="visually-hidden">${T.history.version}</span>
        <input type="range" min="1" max=${last} step="1" .value=${String(version)} aria-valuetext=${T.history.versionOf(version, last)} @input=${slide} />
      </label>
      ${step(version + 1, "→", T.history.later)}
      <output>${T.history.versionOf(version, last)}</output>
    </div>
    ${cause(events.find((/** @type {any} */ event) => event.version === version))}
    ${shown.state ? stateTable(shown.state, state.difference, state) : nothing}
    ${differences(state, show)}
  `;
}

/** @param {any} event */
function cause(event) {
  if (!event) return nothing;
  return html`<article class="notice cause" role="status">
    <p><strong>${T.events[event.type] ?? event.type}</strong> <code>${event.type}</code></p>
    <p>
      <time datetime=${event.occurred_at}>${moment(event.occurred_at)}</time> · ${T.log.actor}: ${event.actor ?? "–"}
      · <a href="/console/verify?event=${encodeURIComponent(event.id)}">${T.log.prove}</a>
    </p>
  </article>`;
}

/** @param {Record<string, unknown>} view @param {any} difference @param {{version: number, since: number}} between */
function stateTable(view, difference, { version, since }) {
  const changed = new Set(Object.keys(difference?.changes ?? {}));
  const rows = Object.entries(view).filter(([name]) => !LEFT_OUT.has(name));
  return html`
    <h3>${T.history.state(version)}</h3>
    <dl class="state">
      ${rows.map(([name, value]) => html`<div class=${changed.has(name) ? "changed" : ""}>
        <dt>${T.history.fields[name] ?? name}</dt>
        <dd>${written(value)}${changed.has(name) ? html` <span class="visually-hidden">${T.history.differs(since)}</span>` : nothing}</dd>
      </div>`)}
    </dl>
  `;
}

/** @param {any} state @param {(change: {chosen?: number}) => void} show */
function differences({ version, since, chosen, last, difference }, show) {
  const versions = Array.from({ length: last }, (_, index) => index + 1);
  const choose = (/** @type {any} */ event) => show({ chosen: Number(event.target.value) });
  const changes = Object.entries(difference?.changes ?? {});
  return html`
    <div class="headed">
      <h3>${T.history.difference(Math.min(since, version), Math.max(since, version))}</h3>
      <label class="inline">
        ${T.history.compare}
        <select @change=${choose}>
          <option value="0" ?selected=${chosen === 0}>${T.history.oneBefore}</option>
          ${versions.map((one) => html`<option value=${one} ?selected=${one === chosen}>${one}</option>`)}
        </select>
      </label>
    </div>
    ${changes.length === 0
      ? html`<p class="empty">${since === version ? T.history.nothingBefore : T.history.same}</p>`
      : html`<div class="overflow-auto" role="region" tabindex="0" aria-label=${T.history.changes}>
            <table class="striped diff">
              <thead><tr>${[T.history.field, T.history.before, T.history.after].map((text) => html`<th scope="col">${text}</th>`)}</tr></thead>
              <tbody>${changes.map(([name, { from, to }]) => html`<tr><th scope="row">${T.history.fields[name] ?? name}</th><td class="old">${written(from)}</td><td class="new">${written(to)}</td></tr>`)}</tbody>
            </table>
          </div>
          <h3>${T.history.causes}</h3>
          <ol class="events">${difference.events.map(causing)}</ol>`}
  `;
}

/** @param {any} event */
const causing = (event) => html`<li>
  <time datetime=${event.occurred_at}>${moment(event.occurred_at)}</time>
  <span>${T.events[event.type] ?? event.type} <small>${event.changed.map((/** @type {string} */ name) => T.history.fields[name] ?? name).join(", ")}</small></span>
</li>`;

/** An example or a picture, by the beginning of its hash. @param {any} one */
const part = ({ digest, width, height, content, ...others }) =>
  html`<code title=${digest ?? nothing}>${digest ? `${digest.slice(0, 12)}…` : JSON.stringify(others)}</code> ${width ? `${width} × ${height}, ` : ""}${content ?? ""}`;

/** @param {unknown} value */
function written(value) {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value) && value.length === 0) return "–";
  if (typeof value === "boolean") return value ? T.yes : T.no;
  if (Array.isArray(value)) return html`<ul class="digests">${value.map((one) => html`<li>${part(one)}</li>`)}</ul>`;
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) return moment(value);
  return typeof value === "object" ? html`<code>${JSON.stringify(value)}</code>` : String(value);
}
