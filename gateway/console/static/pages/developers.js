/** All developers, for operators: their tiers and passwords. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { moment, number } from "../format.js";
import { valuesOf } from "../parts/fields.js";
import { secretNotice } from "../parts/secret.js";
import { outcome, stateOf } from "../parts/state.js";
import { table } from "../parts/table.js";
import { T } from "../texts.js";

const ADDRESS = "/api/v1/developers";
const SIZE = 50;
const TIERS = ["free_starter", "cloud_starter", "cloud_premium", "internal"];

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { session } = accounts.client();
  const shown = Number(page.query.get("page") ?? 1);
  const initial = { developers: null, total: 0, secret: null };
  const { update, act } = stateOf(page, T.developers.title, /** @type {any} */ (initial), view);
  const load = async () => update(await session.json(ADDRESS, { query: { page: shown, page_size: SIZE }, signal: page.signal }));
  const setTier = (/** @type {any} */ developer) =>
    act("tier", async (event) => {
      const { tier } = valuesOf(event);
      await session.json(`${ADDRESS}/${developer.id}/tier`, { method: "PUT", json: { tier } });
      update({ told: T.developers.tierSet(developer.email, tier) });
      await load();
    });
  const reset = (/** @type {any} */ developer) =>
    act("password", async () => {
      if (!confirm(T.users.resetSure(developer.email))) return;
      const { password } = await session.json(`${ADDRESS}/${developer.id}/password`, { method: "PUT" });
      update({ secret: { name: T.users.newPassword(developer.email), value: password } });
    });
  update({});
  await load();

  /** @param {any} state */
  function view(state) {
    const link = (/** @type {number} */ to) => `/console/developers?page=${to}`;
    return html`
      <hgroup><h1 tabindex="-1">${T.developers.title}</h1><p>${T.developers.lead}</p></hgroup>
      <datalist id="tiers">${TIERS.map((tier) => html`<option value=${tier}></option>`)}</datalist>
      ${outcome(state)} ${secretNotice(state.secret)}
      ${table(T.developers.title, columns(state), state.developers ?? [], state.developers ? T.developers.none : T.loading)}
      <p><small>${T.developers.total(number(state.total))}</small></p>
      <div class="buttons">
        ${shown > 1 ? html`<a role="button" class="secondary outline" href=${link(shown - 1)}>${T.previous}</a>` : nothing}
        ${shown * SIZE < state.total ? html`<a role="button" class="secondary outline" href=${link(shown + 1)}>${T.next}</a>` : nothing}
      </div>
    `;
  }

  /** @param {any} state @returns {import("../parts/table.js").Column[]} */
  function columns({ busy }) {
    return [
      [T.users.email, (one) => html`${one.email}<br /><small><code>${one.id}</code></small>`],
      [
        T.developers.tier,
        (one) => html`<form class="row" @submit=${setTier(one)}>
          <input name="tier" list="tiers" required spellcheck="false" aria-label=${`${T.developers.tier}: ${one.email}`} .value=${one.tier} />
          <button type="submit" class="secondary outline small" ?disabled=${busy !== ""}>${T.developers.set}</button>
        </form>`,
      ],
      [T.keys.created, (one) => moment(one.created_at), "time"],
      [
        "",
        (one) => html`<div class="buttons">
          <a role="button" class="secondary outline small" href="/console/log?correlation_id=developer-${one.id}">${T.developers.log}</a>
          <a role="button" class="secondary outline small" href="/console/controls?developer=${one.id}">${T.developers.pause}</a>
          <button type="button" class="secondary outline small" ?disabled=${busy !== ""} @click=${reset(one)}>${T.users.reset}</button>
        </div>`,
      ],
    ];
  }
}
