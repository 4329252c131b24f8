/** The event log: a page of it, newest first, with filters, and the checkpoint that covers it. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { moment } from "../format.js";
import { T } from "../texts.js";

const PAGE = 50;

/** @param {import("./page.js").Page} page */
export async function page({ draw, go, query, signal }) {
  const { session } = accounts.client();
  const filters = Object.fromEntries(Object.keys(T.log.filters).map((name) => [name, query.get(name) ?? undefined]));
  draw(html`<h1 tabindex="-1">${T.log.title}</h1><p aria-busy="true">${T.loading}</p>`, T.log.title);
  const before = query.get("before") ?? undefined;
  const after = query.get("after") ?? undefined;
  const where = after ? { after } : { before, order: "backward" };
  const read = await session.json("/api/v1/audit/events", { query: { limit: PAGE, ...where, ...filters }, signal });
  const events = after ? [...read.events].reverse() : read.events;
  const search = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const given = [...new FormData(/** @type {HTMLFormElement} */ (event.target))].filter(([, value]) => value !== "");
    go(`log?${new URLSearchParams(/** @type {any} */ (given))}`);
  };
  const link = (/** @type {Record<string, number>} */ more) => {
    const given = Object.entries({ ...filters, ...more }).filter(([, value]) => value !== undefined);
    return `/console/log?${new URLSearchParams(/** @type {any} */ (given))}`;
  };
  draw(
    html`
      <hgroup><h1 tabindex="-1">${T.log.title}</h1><p>${T.log.lead}</p></hgroup>
      <form class="filters" @submit=${search}>
        ${Object.entries(T.log.filters).map(([name, text]) => html`<label>${text}<input name=${name} .value=${filters[name] ?? ""} spellcheck="false" /></label>`)}
        <button type="submit" class="secondary">${T.log.filter}</button>
      </form>
      ${events.length === 0 ? html`<p class="empty">${T.log.empty}</p>` : table(events)}
      <div class="buttons">
        ${events.length && (before || after) ? html`<a role="button" class="secondary outline" href=${link({ after: events[0].position })}>${T.log.newer}</a>` : nothing}
        ${events.length && (read.more || after) ? html`<a role="button" class="secondary outline" href=${link({ before: events.at(-1).position })}>${T.log.older}</a>` : nothing}
      </div>
    `,
    T.log.title,
  );
}

/** @param {any[]} events */
function table(events) {
  return html`<div class="overflow-auto"><table class="striped log">
    <thead><tr>${[T.log.position, T.log.time, T.log.type, T.log.stream, T.log.actor].map((text) => html`<th scope="col">${text}</th>`)}</tr></thead>
    <tbody>
      ${events.map(
        (event) => html`<tr>
          <td class="number">${event.position}</td>
          <td><time datetime=${event.recorded_at}>${moment(event.recorded_at)}</time></td>
          <td><details><summary><code>${event.type}</code></summary><pre><code>${JSON.stringify(event, null, 2)}</code></pre></details></td>
          <td><code>${event.stream}</code></td>
          <td>${event.actor ?? "–"}</td>
        </tr>`,
      )}
    </tbody>
  </table></div>`;
}
