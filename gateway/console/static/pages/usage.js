/** What was generated, by day, with what is left of the limits; for developers by project and user, too. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { moment, number } from "../format.js";
import { dayChart } from "../parts/day-chart.js";
import { saveBlob } from "../parts/save.js";
import { table } from "../parts/table.js";
import { T } from "../texts.js";
import { NotFoundError } from "../vendor/exemplar-client/index.js";

const ADDRESS = "/api/v1/usage";
const MOST_PROJECTS = 10; // whose users are named
const USERS = 100;

/** @typedef {Map<string, string>} Names */

/** @param {import("./page.js").Page} page */
export async function page({ draw, signal }) {
  const { session } = accounts.client();
  const { role, id } = /** @type {accounts.Account} */ (accounts.current());
  const isDeveloper = role === "developer";
  draw(html`<h1 tabindex="-1">${T.usage.title}</h1><p aria-busy="true">${T.loading}</p>`, T.usage.title);
  const [byDay, byUser, quota, projects] = await Promise.all([
    session.json(ADDRESS, { query: { by: "day" }, signal }),
    isDeveloper ? session.json(ADDRESS, { query: { by: "project,user" }, signal }) : null,
    isDeveloper ? quotaOf(session, id, signal) : null,
    isDeveloper ? session.json("/api/v1/projects", { signal }) : [],
  ]);
  const names = await namesOf(session, projects, byUser?.usage ?? [], signal);
  const download = async () => {
    const csv = await session.request(ADDRESS, { query: { by: isDeveloper ? "day,project,user" : "day", format: "csv" } }, (answer) => answer.blob());
    saveBlob(`usage-${byDay.from}-${byDay.to}.csv`, csv);
  };
  draw(
    html`
      <hgroup>
        <h1 tabindex="-1">${T.usage.title}</h1>
        <p>${T.usage.month}: ${byDay.from} – ${byDay.to}${byDay.tier ? html` · ${T.usage.tier} <code>${byDay.tier}</code>` : nothing}</p>
      </hgroup>
      ${totals(byDay.totals)} ${byDay.limits ? limits(byDay.limits) : nothing}
      ${byDay.limits && !isDeveloper ? html`<p><small>${T.usage.shared}</small></p>` : nothing}
      <h2>${T.usage.byDay}</h2>
      ${byDay.usage.length ? dayChart(byDay) : html`<p class="empty">${T.usage.none}</p>`}
      ${quota?.state ? slots(quota.state, names) : nothing}
      ${byUser?.usage.length ? html`<h2>${T.usage.byProject}</h2>${sums(byUser.usage, names)}` : nothing}
      <button type="button" class="secondary outline" @click=${download}>${T.usage.csv}</button>
    `,
    T.usage.title,
  );
}

/** The names of projects and the addresses of users by id, as far as one page of each project tells. @param {any} session @param {any[]} projects @param {any[]} lines @param {AbortSignal} signal */
async function namesOf(session, projects, lines, signal) {
  const used = [...new Set(lines.map((line) => line.project_id))].slice(0, MOST_PROJECTS);
  const read = (/** @type {string} */ id) => session.json(`/api/v1/projects/${id}/users`, { query: { page_size: USERS }, signal }).catch(() => ({ users: [] }));
  const users = (await Promise.all(used.map(read))).flatMap((found) => found.users);
  return new Map([...projects.map(({ id, name }) => [id, name]), ...users.map(({ id, email }) => [id, email])]);
}

/** Read the quota; null of an account that is so new that the log does not have it yet. @param {any} session @param {string} id @param {AbortSignal} signal */
const quotaOf = (session, id, signal) =>
  session.json(`/api/v1/audit/developers/${id}/quota`, { signal }).catch((/** @type {unknown} */ error) => {
    if (error instanceof NotFoundError) return null;
    throw error;
  });

/** @param {Record<string, number>} counts */
function totals(counts) {
  const tile = (/** @type {string} */ name) => html`<div><dt>${T.usage.counts[name]}</dt><dd>${number(counts[name])}</dd></div>`;
  return html`<dl class="tiles">${Object.keys(T.usage.counts).filter((name) => name in counts).map(tile)}</dl>`;
}

/** @param {Record<string, {limit: number | null, remaining: number | null}>} given */
function limits(given) {
  const row = ([name, { limit, remaining }]) => html`<div>
    <dt>${T.usage.limits[name] ?? name}</dt>
    <dd>
      ${limit === null ? T.usage.unlimited : T.usage.left(number(remaining), number(limit))}
      ${limit ? html`<meter min="0" max=${limit} value=${limit - remaining} aria-label=${T.usage.limits[name] ?? name}></meter>` : nothing}
    </dd>
  </div>`;
  return html`<dl class="limits">${Object.entries(given).map(row)}</dl>`;
}

/** The name of an id, or the id itself. @param {Names} names @param {string} id */
const nameOf = (names, id) => (names.has(id) ? html`<span title=${id}>${names.get(id)}</span>` : html`<code>${id}</code>`);

/** @param {any[]} lines @param {Names} names */
function sums(lines, names) {
  const counts = Object.entries(T.usage.counts);
  return table(
    T.usage.byProject,
    [
      [T.usage.project, (line) => html`<a href="/console/projects/${line.project_id}/users">${nameOf(names, line.project_id)}</a>`],
      [T.usage.user, (line) => html`<a href="/console/projects/${line.project_id}/users/${line.user_id}">${nameOf(names, line.user_id)}</a>`],
      ...counts.map(([name, text]) => /** @type {import("../parts/table.js").Column} */ ([text, (line) => number(line[name]), "number"])),
    ],
    lines,
    T.usage.none,
  );
}

/** Who holds the slots, and who waits for one, as the log tells. @param {{slots: any[], queue: any[]}} quota @param {Names} names */
function slots({ slots, queue }, names) {
  const held = [...slots.map((one) => ({ ...one, what: T.usage.holds })), ...queue.map((one) => ({ ...one, what: T.usage.waits }))];
  return html`<h2>${T.usage.slots}</h2>
    ${table(
      T.usage.slots,
      [
        [T.usage.slot, (one) => one.what],
        [T.usage.generation, (one) => html`<a href="/console/generations/${one.generation}"><code>${one.generation.slice(0, 8)}</code></a>`],
        [T.usage.project, (one) => nameOf(names, one.project)],
        [T.usage.user, (one) => html`<a href="/console/projects/${one.project}/users/${one.user}">${nameOf(names, one.user)}</a>`],
        [T.usage.since, (one) => moment(one.since), "time"],
      ],
      held,
      T.usage.noSlots,
    )}`;
}
