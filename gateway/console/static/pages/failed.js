/** Work that failed, for operators: parked events of subscribers, and calls of actors that raised. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { moment } from "../format.js";
import { choice, field, formOf } from "../parts/fields.js";
import { post } from "../parts/post.js";
import { outcome, stateOf } from "../parts/state.js";
import { table } from "../parts/table.js";
import { T } from "../texts.js";

const LISTS = /** @type {const} */ (["parked", "dead-letters"]);
const REASONS = ["fixed", "handled_elsewhere", "obsolete", "unrecoverable"];
const SIZE = 50;

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { session } = accounts.client();
  const { query, signal } = page;
  const list = query.get("list") === "dead-letters" ? "dead-letters" : "parked";
  const address = `/api/v1/operations/${list}`;
  const chosen = { handler: query.get("handler") ?? undefined, discarded: query.has("discarded") ? "true" : undefined };
  const initial = { entries: null, next: null, details: {} };
  const { state, update, act } = stateOf(page, T.failed.title, /** @type {any} */ (initial), view);
  const read = async (/** @type {string | null} */ after) => {
    const found = await session.json(address, { query: { limit: SIZE, ...chosen, after }, signal });
    update({ entries: [...(after ? state.entries : []), ...found.entries], next: found.next_after });
  };
  const more = act("more", () => read(state.next));
  const show = (/** @type {string} */ id) => async (/** @type {any} */ event) => {
    if (!event.target.open || state.details[id]) return;
    const entry = await session.json(`${address}/${encodeURIComponent(id)}`, { signal }).catch((/** @type {any} */ error) => ({ error: error.message }));
    update({ details: { ...state.details, [id]: entry } });
  };
  const replay = (/** @type {object} */ selection) =>
    act("replay", async () => {
      const { count } = await post(session, `${address}/replay`, selection);
      update({ told: T.failed.replayed(count) });
      await read(null);
    });
  const discard = act("discard", async (event) => {
    const form = formOf(event);
    const ids = [...document.querySelectorAll("input[name=entry]:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value);
    if (ids.length === 0) return update({ told: T.failed.choose });
    if (!confirm(T.failed.discardSure(ids.length))) return;
    const json = { ids, reason: form.get("reason"), ...(form.get("case") ? { case: form.get("case") } : {}) };
    const { count } = await post(session, `${address}/discard`, json);
    update({ told: T.failed.discarded(count) });
    await read(null);
  });
  update({});
  await read(null);

  /** @param {any} state */
  function view(state) {
    const tab = (/** @type {string} */ name) => html`<li><a href="/console/failed?list=${name}" aria-current=${name === list ? "page" : nothing}>${T.failed.lists[name]}</a></li>`;
    return html`
      <hgroup><h1 tabindex="-1">${T.failed.title}</h1><p>${T.failed.lead}</p></hgroup>
      <nav class="tabs" aria-label=${T.failed.title}><ul>${LISTS.map(tab)}</ul></nav>
      <p>${T.failed.leads[list]}</p>
      ${outcome(state)} ${table(T.failed.lists[list], columns(state), state.entries ?? [], state.entries ? T.failed.none : T.loading)}
      ${state.next ? html`<div class="list-end"><button type="button" class="secondary outline more" @click=${more}>${T.list.more}</button></div>` : nothing}
      ${state.entries?.length && !chosen.discarded ? acting(state) : nothing}
      <p><a href="/console/failed?list=${list}${chosen.discarded ? "" : "&discarded"}">${chosen.discarded ? T.failed.showWaiting : T.failed.showDiscarded}</a></p>
    `;
  }

  /** @param {any} state */
  function acting({ busy }) {
    return html`
      <div class="buttons">
        <button type="button" class="secondary outline" ?disabled=${busy !== ""} @click=${replay({ all: true, ...(chosen.handler ? { handler: chosen.handler } : {}) })}>${T.failed.replayAll}</button>
      </div>
      <form class="row" @submit=${discard}>
        ${choice("reason", T.failed.reason, REASONS.map((one) => [one, T.failed.reasons[one]]))} ${field("case", T.controls.case)}
        <button type="submit" class="danger outline" ?disabled=${busy !== ""}>${T.failed.discard}</button>
      </form>
    `;
  }

  /** @param {any} state @returns {import("../parts/table.js").Column[]} */
  function columns({ busy, details }) {
    return [
      ["", (one) => html`<input type="checkbox" name="entry" value=${one.id} aria-label=${T.failed.select(one.id)} ?disabled=${one.discarded !== null} />`],
      [
        T.failed.entry,
        (one) => html`<details @toggle=${show(one.id)}>
          <summary><code>${one.id}</code></summary>
          <pre tabindex="0"><code>${details[one.id] ? JSON.stringify(details[one.id], null, 2) : T.loading}</code></pre>
        </details>`,
      ],
      [T.failed.error, (one) => html`<code>${one.error}</code>`],
      [T.failed.tries, (one) => one.tries, "number"],
      [T.failed.since, (one) => moment(one.since), "time"],
      [T.failed.nextTry, (one) => (one.discarded ? T.failed.isDiscarded : moment(one.next_try_at)), "time"],
      ["", (one) => (one.discarded ? nothing : html`<button type="button" class="secondary outline small" ?disabled=${busy !== ""} @click=${replay({ ids: [one.id] })}>${T.failed.replay}</button>`)],
    ];
  }
}
