/** The event log: a page of it, newest first, with every filter of the API. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { moment, short } from "../format.js";
import { faultsOf } from "../parts/faults.js";
import { field, momentOf, valuesOf } from "../parts/fields.js";
import { outcome, stateOf } from "../parts/state.js";
import { T } from "../texts.js";

const PAGE = 50;
const OFTEN = ["type", "generation_id", "request_id"];
const OTHERS = ["project_id", "user_id", "actor", "correlation_id"];
const TIMES = ["recorded_from", "recorded_before"];
const FILTERS = [...OFTEN, ...OTHERS, ...TIMES];

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { go, query, signal } = page;
  const { session } = accounts.client();
  const filters = /** @type {Record<string, string>} */ ({});
  for (const name of FILTERS) if (query.get(name)) filters[name] = String(query.get(name));
  const [before, after] = [query.get("before") ?? undefined, query.get("after") ?? undefined];
  const where = after ? { after } : { before, order: "backward" };
  const initial = { filters, types: [], read: null };
  const { update } = stateOf(page, T.log.title, /** @type {any} */ (initial), view);
  const search = (/** @type {Event} */ event) => {
    const given = Object.entries(valuesOf(event)).map(([name, value]) => [name, TIMES.includes(name) ? momentOf(value) : value]);
    go(`log?${new URLSearchParams(given)}`);
  };
  const link = (/** @type {Record<string, string>} */ more) => `/console/log?${new URLSearchParams({ ...filters, ...more })}`;
  update({});
  const [read, { event_types: types }] = await Promise.all([
    session.json("/api/v1/audit/events", { query: { limit: PAGE, ...where, ...filters }, signal }).then((found) => ({ read: found }), refused),
    session.json("/api/v1/event-types", { signal }),
  ]);
  update({ types, ...read });

  /** @param {any} state */
  function view(state) {
    const { read } = state;
    const events = after ? [...(read?.events ?? [])].reverse() : (read?.events ?? []);
    return html`
      <hgroup><h1 tabindex="-1">${T.log.title}</h1><p>${T.log.lead}</p></hgroup>
      ${form(state, search)} ${outcome(state)} ${read ? html`${shown(events, read)} ${pages(events, read)}` : nothing}
      ${read || state.error ? nothing : html`<p aria-busy="true">${T.loading}</p>`}
    `;
  }

  /** @param {any[]} events @param {any} read */
  function pages(events, read) {
    return html`<div class="buttons">
    ${events.length && (before || after) ? html`<a role="button" class="secondary outline" href=${link({ after: events[0].position })}>${T.log.newer}</a>` : nothing}
    ${events.length && (read.more || after) ? html`<a role="button" class="secondary outline" href=${link({ before: events.at(-1).position })}>${T.log.older}</a>` : nothing}
    ${!events.length && read.more ? html`<a role="button" class="secondary outline" href=${link(read.continue)}>${T.log.older}</a>` : nothing}
    </div>`;
  }
}

/** Filters that are refused are told beside the form; any other error is one of the page. @param {unknown} error */
function refused(error) {
  if (faultsOf(/** @type {any} */ (error)).length === 0) throw error;
  return { error };
}

/** @param {any[]} events @param {any} read */
const shown = (events, read) => (events.length === 0 ? html`<p class="empty">${read.more ? T.log.emptyPage : T.log.empty}</p>` : table(events));

/** @param {any} state @param {(event: Event) => void} search */
function form({ filters, types, error }, search) {
  const wrong = Object.fromEntries(faultsOf(error).map((fault) => [fault.field, fault.text]));
  const text = (/** @type {string} */ name) =>
    field(name, T.log.filters[name], { value: filters[name], list: name === "type" ? "types" : undefined, hint: T.log.hints[name], wrong: wrong[name] });
  const time = (/** @type {string} */ name) =>
    field(name, T.log.filters[name], { type: "datetime-local", step: 1, value: filters[name] ? localOf(filters[name]) : "", wrong: wrong[name] });
  const isOpen = [...OTHERS, ...TIMES].some((name) => name in filters);
  return html`<form @submit=${search}>
    <datalist id="types">${types.map((/** @type {{name: string}} */ { name }) => html`<option value=${name}></option>`)}</datalist>
    <div class="filters">${OFTEN.map(text)}<button type="submit" class="secondary">${T.log.filter}</button></div>
    <details ?open=${isOpen}>
      <summary>${T.log.more}</summary>
      <div class="filters">${OTHERS.map(text)} ${TIMES.map(time)}</div>
    </details>
  </form>`;
}

/** The form of a moment in a `datetime-local` field. @param {string} moment */
function localOf(moment) {
  const time = new Date(moment);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** @param {any[]} events */
function table(events) {
  const titles = [T.log.position, T.log.time, T.log.type, T.log.stream, T.log.actor];
  return html`<div class="overflow-auto" role="region" tabindex="0" aria-label=${T.log.title}><table class="striped stacked log">
    <thead><tr>${titles.map((text) => html`<th scope="col">${text}</th>`)}</tr></thead>
    <tbody>${events.map(row)}</tbody>
  </table></div>`;
}

/** @param {any} event */
function row(event) {
  const time = html`<time datetime=${event.recorded_at}>${moment(event.recorded_at)}</time>`;
  if (event.damaged) {
    return html`<tr><td class="number">${event.position}</td><td>${time}</td><td colspan="3"><span class="badge failed">${T.log.damaged}</span> <code>${event.commit}</code></td></tr>`;
  }
  return html`<tr>
    <td class="number" data-title=${T.log.position}>${event.position}</td>
    <td data-title=${T.log.time}>${time}</td>
    <td data-title=${T.log.type}>
      <details>
        <summary><code>${event.type}</code></summary>
        <pre tabindex="0"><code>${JSON.stringify(event, null, 2)}</code></pre>
        <a href="/console/verify?event=${encodeURIComponent(event.id)}">${T.log.prove}</a>
        ${event.request_id ? html` · <a href="/console/log?request_id=${encodeURIComponent(event.request_id)}">${T.log.sameRequest}</a>` : nothing}
      </details>
    </td>
    <td data-title=${T.log.stream}>${streamLink(event.stream)}</td>
    <td data-title=${T.log.actor}>${event.actor ? html`<a href="/console/log?actor=${encodeURIComponent(event.actor)}" title=${event.actor}>${short(event.actor)}</a>` : "–"}</td>
  </tr>`;
}

/** @param {string} stream */
function streamLink(stream) {
  const [, generation] = /^generation-([0-9a-f-]{36})$/.exec(stream) ?? [];
  const address = generation ? `/console/generations/${generation}` : `/console/log?correlation_id=${encodeURIComponent(stream)}`;
  return html`<a href=${address} title=${stream}><code>${short(stream)}</code></a>`;
}
