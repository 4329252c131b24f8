/** The end users of a project. */

import { html } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { moment, number } from "../format.js";
import { field, valuesOf } from "../parts/fields.js";
import { projectHead, readProject } from "../parts/project-head.js";
import { outcome, stateOf } from "../parts/state.js";
import { table } from "../parts/table.js";
import { T } from "../texts.js";

const SIZE = 50;

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { session } = accounts.client();
  const { id } = page.params;
  const [number_, search] = [Number(page.query.get("page") ?? 1), page.query.get("search") ?? ""];
  const sent = { page: number_, page_size: SIZE, search: search || undefined };
  const [project, found] = await Promise.all([
    readProject(session, id, page.signal),
    session.json(`/api/v1/projects/${id}/users`, { query: sent, signal: page.signal }),
  ]);
  const { update } = stateOf(page, project.name, {}, view);
  const link = (/** @type {number} */ to) => `/console/projects/${id}/users?${new URLSearchParams({ page: String(to), search })}`;
  const find = (/** @type {Event} */ event) => {
    const { search = "" } = valuesOf(event);
    page.go(`projects/${id}/users?${new URLSearchParams({ search })}`);
  };
  update({});

  /** @param {any} state */
  function view(state) {
    return html`
      ${projectHead(project, "users")} ${outcome(state)}
      <search><form class="row" @submit=${find}>
        ${field("search", T.users.search, { value: search, type: "search" })}
        <button type="submit" class="secondary">${T.users.find}</button>
      </form></search>
      ${table(
        T.project.pages.users,
        [
          [T.users.email, (user) => html`<a href="/console/projects/${id}/users/${user.id}">${user.email}</a>`],
          [T.users.name, (user) => user.full_name ?? "–"],
          [T.users.id, (user) => html`<code>${user.id}</code>`],
          [T.users.joined, (user) => moment(user.joined_at), "time"],
        ],
        found.users,
        T.users.none,
      )}
      <p><small>${T.users.total(number(found.total))} ${T.users.register}</small></p>
      <div class="buttons">
        ${number_ > 1 ? html`<a role="button" class="secondary outline" href=${link(number_ - 1)}>${T.previous}</a>` : ""}
        ${number_ * SIZE < found.total ? html`<a role="button" class="secondary outline" href=${link(number_ + 1)}>${T.next}</a>` : ""}
      </div>
    `;
  }
}
