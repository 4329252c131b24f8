/** How the service does: the log and those who follow it, queues, the provider, and what must always be true. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { moment, number } from "../format.js";
import { post } from "../parts/post.js";
import { outcome, stateOf } from "../parts/state.js";
import { table } from "../parts/table.js";
import { T } from "../texts.js";

const LOOKED_EVERY_MS = 3000;
const ADDRESS = "/api/v1/operations";

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { session } = accounts.client();
  const { signal } = page;
  const initial = { status: null, health: null, invariants: null, projections: null };
  const { state, update, act, look } = stateOf(page, T.operations.title, /** @type {any} */ (initial), (shown) => view(shown, actions));
  const load = async () => {
    const [status, projections, health] = await Promise.all([
      session.json(`${ADDRESS}/status`, { signal }),
      session.json(`${ADDRESS}/projections`, { signal }),
      session.json("/api/v1/health/detailed", { signal }),
    ]);
    update({ status, projections, health });
  };
  const ask = (/** @type {string} */ name, /** @type {() => Promise<unknown>} */ call, /** @type {string} */ told) =>
    act(name, async () => {
      await call();
      update({ told });
      await load();
    });
  const actions = {
    check: act("check", async () => update({ invariants: await session.json("/api/v1/audit/invariants", { headers: { Prefer: "wait=30" }, signal }) })),
    compare: ask("compare", () => post(session, `${ADDRESS}/projections/drift`), T.operations.asked),
    rebuild: ask("rebuild", () => post(session, `${ADDRESS}/projections/rebuild`), T.operations.asked),
  };
  update({});
  await load();
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, LOOKED_EVERY_MS));
    if (!signal.aborted && !document.hidden && !state.busy) await look(load);
  }
}

/** @param {any} state @param {any} actions */
function view(state, actions) {
  const { status, health, busy } = state;
  return html`
    <hgroup><h1 tabindex="-1">${T.operations.title}</h1><p>${T.operations.lead}</p></hgroup>
    ${outcome(state)} ${status ? html`${tiles(status, health)} ${subscribers(status)} ${queues(status)}` : html`<p aria-busy="true">${T.loading}</p>`}
    ${state.projections ? derived(state.projections, actions, busy) : nothing} ${invariants(state.invariants, actions, busy)}
  `;
}

/** @param {any} status @param {any} health */
function tiles({ position, waiting, parked, dead_letters: dead, provider, controls }, health) {
  const { name, paused_until: paused, reason } = provider;
  const shown = [
    [T.operations.health, html`<span class=${health.status === "healthy" ? "good" : "wrong"}>${T.operations.healths[health.status] ?? health.status}</span>`],
    [T.operations.position, number(position)],
    [T.operations.waiting, number(waiting)],
    [T.operations.parked, html`<a href="/console/failed" class=${parked ? "wrong" : ""}>${number(parked)}</a>`],
    [T.operations.dead, html`<a href="/console/failed?list=dead-letters">${number(dead)}</a>`],
    [T.operations.controls, html`<a href="/console/controls">${number(controls)}</a>`],
  ];
  return html`
    <dl class="tiles">${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <p class=${`notice ${paused || reason ? "error" : "good"}`}>
      <strong>${name}</strong>: ${paused ? T.operations.open(reason ?? "", moment(paused)) : reason ? T.operations.refused(reason) : T.operations.closed}
    </p>
  `;
}

/** @param {any} status */
const subscribers = ({ subscribers }) => html`<h2>${T.operations.subscribers}</h2>
  ${table(
    T.operations.subscribers,
    [
      [T.operations.name, (one) => html`<code>${one.name}</code>`],
      [T.operations.at, (one) => number(one.position), "number"],
      [T.operations.behind, (one) => (one.behind ? html`<strong>${number(one.behind)}</strong>` : "0"), "number"],
      [T.operations.parked, (one) => (one.parked ? html`<a class="wrong" href="/console/failed?handler=${one.name}">${number(one.parked)}</a>` : "0"), "number"],
    ],
    subscribers,
    T.operations.noSubscribers,
  )}`;

/** @param {any} status */
const queues = ({ queues, broker }) => html`<h2>${T.operations.queues}</h2>
  <p><small>${T.operations.broker}: ${broker.type ?? "RabbitMQ"}, ${T.operations.healths[broker.status] ?? broker.status}</small></p>
  ${table(
    T.operations.queues,
    [
      [T.operations.name, (one) => html`<code>${one.name}</code>`],
      [T.operations.messages, (one) => number(one.messages), "number"],
    ],
    queues,
    T.operations.noQueues,
  )}`;

/** @param {any} projections @param {any} actions @param {string} busy */
function derived({ drift, rebuild }, actions, busy) {
  return html`<h2>${T.operations.derived}</h2>
    <p>
      ${drift.report ? html`<span class=${drift.report.drift ? "wrong" : "good"}>${T.operations.drift(number(drift.report.drift))}</span> <small>${moment(drift.report.began_at)}</small>` : T.operations.notCompared}
      ${drift.next || rebuild.next ? html`<small aria-busy="true">${T.operations.underWay}</small>` : nothing}
    </p>
    <div class="buttons">
      <button type="button" class="secondary outline" ?disabled=${busy !== ""} @click=${actions.compare}>${T.operations.compare}</button>
      <button type="button" class="secondary outline" ?disabled=${busy !== ""} @click=${actions.rebuild}>${T.operations.rebuild}</button>
    </div>`;
}

/** @param {any} found @param {any} actions @param {string} busy */
function invariants(found, actions, busy) {
  const report = found?.report;
  return html`<h2>${T.operations.invariants}</h2>
    ${report ? html`<p class=${`notice ${report.ok ? "good" : "error"}`} role="status">${report.ok ? T.operations.allHold : T.operations.broken} ${T.operations.upTo(number(report.position))}</p>` : nothing}
    ${report ? table(T.operations.invariants, INVARIANTS, report.invariants, "") : html`<p>${found ? T.operations.checkingLater : T.operations.invariantsLead}</p>`}
    <div class="buttons">
      <button type="button" class="secondary outline" aria-busy=${busy === "check"} ?disabled=${busy !== ""} @click=${actions.check}>${T.operations.check}</button>
    </div>`;
}

/** @type {import("../parts/table.js").Column[]} */
const INVARIANTS = [
  [T.operations.invariant, (one) => T.operations.invariantNames[one.name] ?? one.name],
  [T.operations.checked, (one) => number(one.checked), "number"],
  [T.operations.brokenCount, (one) => html`<span class=${one.broken ? "wrong" : ""}>${number(one.broken)}</span>`, "number"],
  ["", (one) => (one.violations.length ? html`<details><summary>${T.operations.violations}</summary><pre tabindex="0"><code>${JSON.stringify(one.violations, null, 2)}</code></pre></details>` : nothing)],
];
