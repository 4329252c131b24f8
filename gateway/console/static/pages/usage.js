/** What was generated, by day; for developers by project and user, with what is left of the limits. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { number } from "../format.js";
import { dayChart } from "../parts/day-chart.js";
import { T } from "../texts.js";

const ADDRESS = "/api/v1/usage";

/** @param {import("./page.js").Page} page */
export async function page({ draw, signal }) {
  const { session } = accounts.client();
  const isDeveloper = accounts.current()?.role === "developer";
  draw(html`<h1 tabindex="-1">${T.usage.title}</h1><p aria-busy="true">${T.loading}</p>`, T.usage.title);
  const [byDay, byUser] = await Promise.all([
    session.json(ADDRESS, { query: { by: "day" }, signal }),
    isDeveloper ? session.json(ADDRESS, { query: { by: "project,user" }, signal }) : null,
  ]);
  const download = async () => {
    const csv = await session.request(ADDRESS, { query: { by: isDeveloper ? "day,project,user" : "day", format: "csv" } }, (answer) => answer.blob());
    const link = document.createElement("a");
    link.href = URL.createObjectURL(csv);
    link.download = `usage-${byDay.from}-${byDay.to}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  draw(
    html`
      <hgroup>
        <h1 tabindex="-1">${T.usage.title}</h1>
        <p>${T.usage.month}: ${byDay.from} – ${byDay.to}${byDay.tier ? html` · ${T.usage.tier} <code>${byDay.tier}</code>` : nothing}</p>
      </hgroup>
      ${totals(byDay.totals)} ${byDay.limits ? limits(byDay.limits) : nothing}
      <h2>${T.usage.byDay}</h2>
      ${byDay.usage.length ? dayChart(byDay) : html`<p class="empty">${T.usage.none}</p>`}
      ${byUser?.usage.length ? html`<h2>${T.usage.byProject}</h2>${table(byUser.usage)}` : nothing}
      <button type="button" class="secondary outline" @click=${download}>${T.usage.csv}</button>
    `,
    T.usage.title,
  );
}

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

/** @param {any[]} lines */
function table(lines) {
  const counts = Object.entries(T.usage.counts);
  return html`<div class="overflow-auto"><table class="striped">
    <thead><tr><th scope="col">${T.usage.project}</th><th scope="col">${T.usage.user}</th>${counts.map(([, text]) => html`<th scope="col" class="number">${text}</th>`)}</tr></thead>
    <tbody>${lines.map((line) => html`<tr><td><code>${line.project_id}</code></td><td><code>${line.user_id}</code></td>${counts.map(([name]) => html`<td class="number">${number(line[name])}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}
