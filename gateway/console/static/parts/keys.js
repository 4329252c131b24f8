/** A list of keys: developer keys, API keys of a project, access keys of a user. */

import { html, nothing } from "../vendor/lit-html.js";
import { moment } from "../format.js";
import { T } from "../texts.js";
import { field, formOf } from "./fields.js";
import { post } from "./post.js";
import { table } from "./table.js";

/**
 * Read, create and revoke the keys at an address; a new one is shown in `state.secret`.
 * @param {any} session @param {string} address @param {{state: any, update: any, act: any}} page
 * @param {(form: FormData) => object} [bodyOf]
 */
export function keyActions(session, address, { state, update, act }, bodyOf = nameOf) {
  const load = async () => update({ keys: await session.json(address) });
  const create = act("create-key", async (/** @type {Event} */ event) => {
    const json = bodyOf(formOf(event));
    const made = await post(session, address, json);
    /** @type {HTMLFormElement} */ (event.target).reset();
    update({ secret: { name: T.keys.made(made.name ?? made.key_prefix), value: made.key, of: made.id } });
    await load();
  });
  const revoke = (/** @type {any} */ key) =>
    act("revoke-key", async () => {
      if (!confirm(T.keys.sure(key.name ?? key.key_prefix))) return;
      await session.once(`${address}/${key.id}`, { method: "DELETE" });
      const secret = state.secret?.of === key.id ? null : state.secret; // it is good for nothing any more
      update({ secret, told: T.keys.revoked(key.name ?? key.key_prefix) });
      await load();
    });
  return { load, create, revoke, state };
}

/** @param {FormData} form */
export const nameOf = (form) => ({ name: String(form.get("name") ?? "").trim() || null });

/** @param {string} title @param {ReturnType<typeof keyActions>} actions @param {{lead: string, more?: unknown, columns?: any[]}} options */
export function keySection(title, { state, create, revoke }, { lead, more = nothing, columns = [] }) {
  const end = (/** @type {any} */ key) =>
    key.is_active
      ? html`<button type="button" class="secondary outline small" ?disabled=${state.busy !== ""} @click=${revoke(key)}>${T.keys.revoke}</button>`
      : html`<span class="badge failed">${T.keys.isRevoked}</span>`;
  return html`<section>
    <h2>${title}</h2>
    <p>${lead}</p>
    ${table(
      title,
      [
        [T.keys.name, (key) => key.name ?? "–"],
        [T.keys.prefix, (key) => html`<code>${key.key_prefix}…</code>`],
        ...columns,
        [T.keys.created, (key) => moment(key.created_at), "time"],
        [T.keys.used, (key) => (key.last_used_at ? moment(key.last_used_at) : T.keys.never), "time"],
        ["", end],
      ],
      state.keys ?? [],
      state.keys ? T.keys.none : T.loading,
    )}
    <form class="row" @submit=${create}>
      ${field("name", T.keys.name, { hint: T.keys.nameHint })} ${more}
      <button type="submit" aria-busy=${state.busy === "create-key"} ?disabled=${state.busy !== ""}>${T.keys.create}</button>
    </form>
  </section>`;
}
