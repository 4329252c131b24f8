/** One end user of a project, for its developer: access keys, password, deletion. */

import { html } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { moment } from "../format.js";
import { checkbox, field, momentOf } from "../parts/fields.js";
import { keyActions, keySection, nameOf } from "../parts/keys.js";
import { secretNotice } from "../parts/secret.js";
import { outcome, stateOf } from "../parts/state.js";
import { T } from "../texts.js";

const SCOPES = ["generate", "read", "manage"];

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { session } = accounts.client();
  const { id, user: userId } = page.params;
  const address = `/api/v1/projects/${id}/users/${userId}`;
  const user = await session.json(address, { signal: page.signal });
  const managed = stateOf(page, user.email, { keys: null, secret: null }, view);
  const keys = keyActions(session, `${address}/access-keys`, managed, bodyOf);
  const reset = managed.act("password", async () => {
    if (!confirm(T.users.resetSure(user.email))) return;
    const { password } = await session.json(`${address}/password`, { method: "PUT" });
    managed.update({ secret: { name: T.users.newPassword(user.email), value: password } });
  });
  const remove = managed.act("remove", async () => {
    if (!confirm(T.users.removeSure(user.email))) return;
    await session.once(address, { method: "DELETE" });
    await page.go(`projects/${id}/users`, { replace: true });
  });
  managed.update({});
  await keys.load();

  /** @param {any} state */
  function view(state) {
    const scopes = html`<fieldset class="choices">
      <legend>${T.keys.scopes}</legend>
      ${SCOPES.map((scope) => checkbox("scopes", scope, T.keys.scopeNames[scope], true))}
    </fieldset>`;
    return html`
      <nav aria-label=${T.breadcrumb}>
        <ul class="crumbs">
          <li><a href="/console/projects">${T.nav.projects}</a></li>
          <li><a href="/console/projects/${id}/users">${T.project.pages.users}</a></li>
        </ul>
      </nav>
      <hgroup>
        <h1 tabindex="-1">${user.email}</h1>
        <p>${user.full_name ? html`${user.full_name} · ` : ""}<code>${user.id}</code> · ${T.users.joined}: ${moment(user.joined_at)}</p>
      </hgroup>
      ${outcome(state)} ${secretNotice(state.secret)}
      ${keySection(T.keys.access, keys, {
        lead: T.keys.accessLead,
        more: html`${field("expires_at", T.keys.expires, { type: "datetime-local" })} ${scopes}`,
        columns: [
          [T.keys.scopes, (/** @type {any} */ key) => key.scopes.join(", ")],
          [T.keys.expires, (/** @type {any} */ key) => (key.expires_at ? moment(key.expires_at) : T.keys.never), "time"],
        ],
      })}
      <h2>${T.users.account}</h2>
      <div class="buttons">
        <a role="button" class="secondary outline" href="/console/projects/${id}/generations?user_id=${user.id}">${T.users.pictures}</a>
        <button type="button" class="secondary outline" ?disabled=${state.busy !== ""} @click=${reset}>${T.users.reset}</button>
        <button type="button" class="danger outline" ?disabled=${state.busy !== ""} @click=${remove}>${T.users.remove}</button>
      </div>
    `;
  }
}

/** @param {FormData} form */
function bodyOf(form) {
  const end = String(form.get("expires_at") ?? "");
  return { ...nameOf(form), scopes: form.getAll("scopes"), expires_at: end ? momentOf(end) : null };
}
