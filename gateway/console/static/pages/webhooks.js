/** The webhook endpoints of a project. */

import { html } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { checkbox, field, formOf } from "../parts/fields.js";
import { post } from "../parts/post.js";
import { projectHead, readProject } from "../parts/project-head.js";
import { secretNotice } from "../parts/secret.js";
import { outcome, stateOf } from "../parts/state.js";
import { table } from "../parts/table.js";
import { T } from "../texts.js";

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { session } = accounts.client();
  const { id } = page.params;
  const address = `/api/v1/projects/${id}/webhooks`;
  const [project, types] = await Promise.all([
    readProject(session, id, page.signal),
    session.json("/api/v1/event-types", { signal: page.signal }).then(deliverable),
  ]);
  const { update, act } = stateOf(page, project.name, { webhooks: /** @type {any[] | null} */ (null), secret: null }, view);
  const load = async () => update({ webhooks: (await session.json(address, { signal: page.signal })).webhooks });
  const create = act("create", async (event) => {
    const made = await post(session, address, bodyOf(formOf(event)));
    event.target.reset();
    update(/** @type {any} */ ({ secret: { name: T.webhooks.secretOf(made.url), value: made.secret } }));
    await load();
  });
  update({});
  await load();

  /** @param {any} state */
  function view(state) {
    return html`
      ${projectHead(project, "webhooks")} ${secretNotice(state.secret)}
      <p>${T.webhooks.lead} <a href="/console/projects/${id}/webhooks/default">${T.webhooks.default}</a></p>
      ${table(
        T.project.pages.webhooks,
        [
          [T.webhooks.url, (one) => html`<a href="/console/projects/${id}/webhooks/${one.id}">${one.url}</a>`],
          [T.webhooks.description, (one) => one.description ?? "–"],
          [T.webhooks.types, (one) => namesOf(one.event_types, types)],
          [T.webhooks.state, endpointBadge],
        ],
        state.webhooks ?? [],
        state.webhooks ? T.webhooks.none : T.loading,
      )}
      <h2>${T.webhooks.create}</h2>
      <form @submit=${create}>
        <div class="row">
          ${field("url", T.webhooks.url, { required: true, hint: "https://example.com/hook", pattern: "[Hh][Tt][Tt][Pp][Ss]?://.+", form: T.webhooks.urlForm })}
          ${field("description", T.webhooks.description)}
        </div>
        <fieldset class="choices">
          <legend>${T.webhooks.typesHint}</legend>
          ${types.map((type) => checkbox("event_types", type, html`${T.events[type] ?? type} <code>${type}</code>`))}
        </fieldset>
        <div class="buttons">
          <button type="submit" aria-busy=${state.busy === "create"} ?disabled=${state.busy !== ""}>${T.webhooks.create}</button>
        </div>
        ${outcome(state, isHere() ? { remedies: { invalid_webhook: T.webhooks.allowedHere } } : {})}
      </form>
    `;
  }
}

/** Whether the service runs on this machine, as by `exemplar up`, which allows addresses of this machine. */
const isHere = () => ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);

/** @param {any} endpoint */
export const endpointBadge = ({ enabled, disabled_reason }) =>
  enabled
    ? html`<span class="badge completed">${T.webhooks.enabled}</span>`
    : html`<span class="badge failed">${T.webhooks.disabledBy(disabled_reason)}</span>`;

/** The names of the event types that an endpoint may get. @param {any} answer @returns {string[]} */
export const deliverable = ({ event_types }) =>
  event_types.filter((/** @type {any} */ type) => type.subscribers.endpoint?.length).map((/** @type {any} */ type) => type.name);

/** @param {string[]} chosen @param {string[]} all */
const namesOf = (chosen, all) =>
  all.every((type) => chosen.includes(type)) ? T.webhooks.all : chosen.map((type) => T.events[type] ?? type).join(", ");

/** @param {FormData} form */
function bodyOf(form) {
  const chosen = form.getAll("event_types");
  const description = String(form.get("description") ?? "").trim();
  return { url: form.get("url"), description: description || null, event_types: chosen.length > 0 ? chosen : null };
}
