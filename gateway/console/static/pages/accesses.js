/** Who of the staff has read the log: for users and developers what is theirs, for staff all of it. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { moment } from "../format.js";
import { outcome, stateOf } from "../parts/state.js";
import { table } from "../parts/table.js";
import { T } from "../texts.js";

const SIZE = 50;
const STAFF = ["platform_operator", "auditor"];

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { session } = accounts.client();
  const isStaff = STAFF.includes(accounts.current()?.role ?? "");
  const read = isStaff ? readLog : readOwn;
  const { state, update, act } = stateOf(page, T.accesses.title, { accesses: /** @type {any[] | null} */ (null), next: null }, view);
  const more = act("more", async () => {
    const { accesses, next } = await read(session, state.next, page.signal);
    update({ accesses: [...(state.accesses ?? []), ...accesses], next });
  });
  update({});
  await more();

  /** @param {any} state */
  function view(state) {
    return html`
      <hgroup><h1 tabindex="-1">${T.accesses.title}</h1><p>${isStaff ? T.accesses.leadStaff : T.accesses.lead}</p></hgroup>
      ${outcome(state)} ${table(T.accesses.title, COLUMNS, state.accesses ?? [], state.accesses ? T.accesses.none : T.loading)}
      ${state.next ? html`<div class="list-end"><button type="button" class="secondary outline more" @click=${more}>${T.list.more}</button></div>` : nothing}
    `;
  }
}

/** @type {import("../parts/table.js").Column[]} */
const COLUMNS = [
  [T.accesses.when, (one) => moment(one.occurred_at), "time"],
  [T.accesses.reader, (one) => html`<code>${one.reader}</code>`],
  [T.accesses.form, (one) => T.accesses.forms[one.form] ?? one.form],
  [T.accesses.what, what],
  [T.accesses.personal, (one) => (one.personal_data ? html`<strong>${one.reason ?? T.yes}</strong>` : T.no)],
];

/** @param {any} one */
function what(one) {
  const parts = [
    one.generation ? html`${T.accesses.generation} <a href="/console/generations/${one.generation}"><code>${one.generation.slice(0, 8)}</code></a>` : (T.accesses.scopes[one.scope] ?? one.scope),
    ...(one.event_type ? [html` · <code>${one.event_type}</code>`] : []),
    ...(one.pictures ? [html` · ${T.accesses.pictures}`] : []),
  ];
  return parts;
}

/** @param {any} session @param {number | null} before @param {AbortSignal} signal */
async function readOwn(session, before, signal) {
  const { accesses, next_before: next } = await session.json("/api/v1/audit/accesses", { query: { before, limit: SIZE }, signal });
  return { accesses, next };
}

/** @param {any} session @param {number | null} before @param {AbortSignal} signal */
async function readLog(session, before, signal) {
  const sent = { type: "access.log_read", order: "backward", limit: SIZE, before };
  const { events, more, continue: next } = await session.json("/api/v1/audit/events", { query: sent, signal });
  return { accesses: events.filter((/** @type {any} */ one) => !one.damaged).map(accessOf), next: more ? next.before : null };
}

/** @param {any} event */
function accessOf({ occurred_at, actor, data }) {
  const scope = ["user", "project", "developer"].find((name) => data[name] != null) ?? "all";
  return { ...data, occurred_at, reader: actor, scope, personal_data: data.grant != null };
}
