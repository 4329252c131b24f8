/** A developer's projects and developer keys. */

import { html } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { moment } from "../format.js";
import { field, valuesOf } from "../parts/fields.js";
import { keyActions, keySection } from "../parts/keys.js";
import { post } from "../parts/post.js";
import { secretNotice } from "../parts/secret.js";
import { outcome, stateOf } from "../parts/state.js";
import { table } from "../parts/table.js";
import { T } from "../texts.js";

const ADDRESS = "/api/v1/projects";

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { session } = accounts.client();
  const initial = { projects: /** @type {any[] | null} */ (null), keys: null, secret: null };
  const managed = stateOf(page, T.projects.title, initial, view);
  const keys = keyActions(session, "/api/v1/auth/developer-keys", managed);
  const create = managed.act("create", async (event) => {
    const { id } = await post(session, ADDRESS, valuesOf(event));
    await page.go(`projects/${id}/users`);
  });
  managed.update({});
  managed.update({ projects: await session.json(ADDRESS, { signal: page.signal }) });
  await keys.load();

  /** @param {any} state */
  function view(state) {
    return html`
      <hgroup><h1 tabindex="-1">${T.projects.title}</h1><p>${T.projects.lead}</p></hgroup>
      ${outcome(state)} ${secretNotice(state.secret)}
      ${table(
        T.projects.title,
        [
          [T.projects.name, (project) => html`<a href="/console/projects/${project.id}/users">${project.name}</a>`],
          [T.projects.description, (project) => project.description ?? "–"],
          [T.projects.id, (project) => html`<code>${project.id}</code>`],
          [T.keys.created, (project) => moment(project.created_at), "time"],
        ],
        state.projects ?? [],
        state.projects ? T.projects.none : T.loading,
      )}
      <form class="row" @submit=${create}>
        ${field("name", T.projects.name, { required: true })} ${field("description", T.projects.description)}
        <button type="submit" aria-busy=${state.busy === "create"} ?disabled=${state.busy !== ""}>${T.projects.create}</button>
      </form>
      ${keySection(T.keys.developer, keys, { lead: T.keys.developerLead })}
    `;
  }
}
