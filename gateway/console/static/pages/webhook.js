/** One webhook endpoint: its deliveries, and what can be done with both. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { duration, moment, number } from "../format.js";
import { delivery } from "../parts/delivery.js";
import { choice, field, momentOf, valuesOf } from "../parts/fields.js";
import { post } from "../parts/post.js";
import { secretNotice } from "../parts/secret.js";
import { outcome, stateOf } from "../parts/state.js";
import { T } from "../texts.js";
import { deliverable, endpointBadge } from "./webhooks.js";

const DEFAULT = "default"; // the webhooks that single requests name
const AGAIN = ["/recover", "/replay-missing"]; // told below, where they are
const STATES = ["pending", "delivered", "failed", "skipped"];
const LOOKED_EVERY_MS = 1500; // while an attempt is open
const LOOKED_SELDOM_MS = 4000;
const SOON_MS = 90_000; // an attempt under way shows the end of its claim, which is a minute ahead

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { session } = accounts.client();
  const { signal, params, query } = page;
  const address = `/api/v1/projects/${params.id}/webhooks/${params.endpoint}`;
  const isDefault = params.endpoint === DEFAULT;
  const [endpoint, types] = await Promise.all([
    isDefault ? null : session.json(address, { signal }),
    session.json("/api/v1/event-types", { signal }).then(deliverable),
  ]);
  const title = endpoint?.url ?? T.webhooks.default;
  const initial = { endpoint, types, stats: null, deliveries: null, next: null, secret: null, filter: query.get("state") ?? "" };
  const managed = stateOf(page, title, /** @type {any} */ (initial), (shown) => view(shown, actions, { isDefault, title, params }));
  const { state, update, act, fail } = managed;
  const load = async () => {
    const sent = { state: state.filter || undefined };
    const [{ deliveries, next }, stats] = await Promise.all([
      session.json(`${address}/deliveries`, { query: sent, signal }),
      session.json(`${address}/stats`, { signal }),
    ]);
    if (sent.state !== (state.filter || undefined)) return; // another filter was chosen meanwhile
    const older = olderThan(deliveries, state.deliveries ?? []);
    update({ deliveries: [...deliveries, ...older], next: older.length > 0 ? state.next : next, stats });
  };
  const more = act("more", async () => {
    const sent = { state: state.filter || undefined, before: state.next };
    const { deliveries, next } = await session.json(`${address}/deliveries`, { query: sent, signal });
    update({ deliveries: [...state.deliveries, ...deliveries], next });
  });
  const send = (/** @type {string} */ path, /** @type {object} */ json, query = {}) => post(session, `${address}${path}`, json, query);
  const again = (/** @type {string} */ path, /** @type {string} */ counted) =>
    act(path, async (event) => {
      const since = { since: momentOf(valuesOf(event).since) };
      const { [counted]: count } = await send(path, since, { dry_run: "true" });
      if (count === 0) return update({ told: path === "/recover" ? T.webhooks.nothingToRecover : T.webhooks.nothing });
      if (!confirm(T.webhooks.againSure(count))) return;
      const sent = await send(path, since);
      update({ told: T.webhooks.sentAgain(sent[counted], sent.more === true) });
      await load();
    });
  const actions = {
    more,
    filter: (/** @type {any} */ event) => {
      update({ filter: event.target.value, deliveries: null });
      load().catch(fail);
    },
    example: act("example", async (event) => {
      await send("/test", valuesOf(event));
      update({ told: T.webhooks.exampleSent });
      await load();
    }),
    rotate: act("rotate", async () => {
      const { secret, previous_secret_valid_until: until } = await send("/rotate");
      update({ secret: { name: T.webhooks.secretOf(title), value: secret }, told: T.webhooks.rotated(moment(until)) });
    }),
    toggle: act("toggle", async () => update({ endpoint: await send(state.endpoint.enabled ? "/disable" : "/enable") })),
    remove: act("remove", async () => {
      if (!confirm(T.webhooks.removeSure)) return;
      await session.once(address, { method: "DELETE" });
      await page.go(`projects/${params.id}/webhooks`, { replace: true });
    }),
    resend: (/** @type {string} */ id) =>
      act(`resend ${id}`, async () => {
        await send(`/deliveries/${id}/resend`);
        update({ told: T.webhooks.resent });
        await load();
      }),
    recover: again("/recover", "recovered"),
    replay: again("/replay-missing", "replayed"),
  };
  update({});
  await load();
  await watch(managed, load, signal);
}

/** What was read of further pages, below a first page that is read again. @param {any[]} first @param {any[]} all */
function olderThan(first, all) {
  const last = first.at(-1)?.created_at;
  const known = new Set(first.map(({ id }) => id));
  return last === undefined ? [] : all.filter((one) => one.created_at < last && !known.has(one.id));
}

/** Read again: soon while an attempt is under way or comes soon, else now and then. @param {any} managed @param {() => Promise<void>} load @param {AbortSignal} signal */
async function watch({ state, look }, load, signal) {
  const isOpen = (/** @type {any} */ one) => one.state === "pending" && Date.parse(one.next_attempt_at) < Date.now() + SOON_MS;
  while (!signal.aborted) {
    const isSoon = (state.deliveries ?? []).some(isOpen);
    await new Promise((resolve) => setTimeout(resolve, isSoon ? LOOKED_EVERY_MS : LOOKED_SELDOM_MS));
    if (!state.busy && !signal.aborted && !document.hidden) await look(load);
  }
}

/** @param {any} state @param {any} actions @param {{isDefault: boolean, title: string, params: any}} about */
function view(state, actions, { isDefault, title, params }) {
  return html`
    <nav aria-label=${T.breadcrumb}>
      <ul class="crumbs">
        <li><a href="/console/projects">${T.nav.projects}</a></li>
        <li><a href="/console/projects/${params.id}/webhooks">${T.project.pages.webhooks}</a></li>
      </ul>
    </nav>
    <hgroup>
      <h1 tabindex="-1">${title}</h1>
      <p>${isDefault ? T.webhooks.defaultLead : html`${endpointBadge(state.endpoint)} ${state.endpoint.description ?? ""}`}</p>
    </hgroup>
    ${AGAIN.includes(state.last) ? nothing : outcome(state)} ${secretNotice(state.secret)}
    ${isDefault ? nothing : manage(state, actions)} ${state.stats ? figures(state.stats) : nothing}
    <div class="headed">
      <h2>${T.webhooks.deliveries}</h2>
      <label class="inline">
        ${T.webhooks.state}
        <select @change=${actions.filter}>
          <option value="">${T.list.all}</option>
          ${STATES.map((one) => html`<option value=${one} ?selected=${one === state.filter}>${T.webhooks.states[one]}</option>`)}
        </select>
      </label>
    </div>
    ${state.deliveries?.length
      ? html`<ul class="deliveries">${state.deliveries.map((/** @type {any} */ one) => delivery(one, actions.resend(one.id), state.busy))}</ul>`
      : html`<p class="empty">${state.deliveries ? T.webhooks.noDeliveries : T.loading}</p>`}
    ${state.next ? html`<div class="list-end"><button type="button" class="secondary outline more" @click=${actions.more}>${T.list.more}</button></div>` : nothing}
    <h2>${T.webhooks.again}</h2>
    <div class="pair">
      ${sendAgain(T.webhooks.recover, T.webhooks.recoverLead, actions.recover, state)}
      ${isDefault ? nothing : sendAgain(T.webhooks.replay, T.webhooks.replayLead, actions.replay, state)}
    </div>
    ${AGAIN.includes(state.last) ? outcome(state) : nothing}
  `;
}

/** @param {any} state @param {any} actions */
function manage({ endpoint, types, busy }, actions) {
  const options = types.map((/** @type {string} */ type) => [type, T.events[type] ?? type]);
  return html`
    <form class="row" @submit=${actions.example}>
      ${choice("type", T.webhooks.exampleOf, options, "generation.completed")}
      <button type="submit" aria-busy=${busy === "example"} ?disabled=${busy !== "" || !endpoint.enabled}>${T.webhooks.example}</button>
    </form>
    <div class="buttons">
      <button type="button" class="secondary outline" ?disabled=${busy !== ""} @click=${actions.rotate}>${T.webhooks.rotate}</button>
      <button type="button" class="secondary outline" ?disabled=${busy !== ""} @click=${actions.toggle}>${endpoint.enabled ? T.webhooks.disable : T.webhooks.enable}</button>
      <button type="button" class="danger outline" ?disabled=${busy !== ""} @click=${actions.remove}>${T.webhooks.remove}</button>
    </div>
  `;
}

/** @param {any} stats */
function figures(stats) {
  const tiles = [
    ...STATES.map((name) => [T.webhooks.states[name], number(stats.deliveries[name])]),
    [T.webhooks.mean, stats.mean_milliseconds === null ? "–" : duration(stats.mean_milliseconds)],
  ];
  return html`<h2>${T.webhooks.week}</h2>
    <dl class="tiles">${tiles.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param {string} name @param {string} lead @param {(event: Event) => void} act @param {any} state */
const sendAgain = (name, lead, act, { busy }) => html`<form class="card-form" @submit=${act}>
  <p>${lead}</p>
  <div class="row">
    ${field("since", T.webhooks.since, { type: "datetime-local", required: true })}
    <button type="submit" class="secondary" ?disabled=${busy !== ""}>${name}</button>
  </div>
</form>`;
