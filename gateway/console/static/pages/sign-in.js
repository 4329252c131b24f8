/** Sign in, as an end user or as somebody who looks after projects. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { formOf } from "../parts/fields.js";
import { outcome, stateOf } from "../parts/state.js";
import { T } from "../texts.js";

/** @param {import("./page.js").Page} page */
export function page(page) {
  const { go, query } = page;
  const initial = { kind: /** @type {"end_user" | "access_key" | "staff"} */ ("end_user") };
  const { state, update, act } = stateOf(page, T.signIn.title, initial, view);
  const submit = act("sign-in", async (event) => {
    const given = /** @type {any} */ (Object.fromEntries(formOf(event)));
    await (state.kind === "access_key" ? accounts.signInByAccessKey(String(given.accessKey).trim()) : accounts.signIn(given));
    await go(query.get("to") ?? "", { replace: true });
  });
  update({});

  /** @param {any} state */
  function view(state) {
    const choice = (/** @type {"end_user" | "access_key" | "staff"} */ kind) => html`
      <label>
        <input type="radio" name="kind" .checked=${state.kind === kind} @change=${() => update({ kind, error: null })} />
        ${T.signIn.roles[kind]}
      </label>
    `;
    return html`
    <article class="sign-in">
      <h1 tabindex="-1">${T.signIn.title}</h1>
      ${query.get("link") ? html`<p class="notice error" role="alert">${T.signIn.linkFailed}</p>` : nothing}
      ${query.has("ended") ? html`<p class="notice" role="status">${T.signIn.ended}</p>` : nothing}
      <form @submit=${submit}>
        <fieldset class="choices">
          <legend>${T.signIn.as}</legend>
          ${choice("end_user")} ${choice("access_key")} ${choice("staff")}
        </fieldset>
        ${state.kind === "access_key"
          ? field("accessKey", T.signIn.accessKey, "password")
          : html`${field("email", T.signIn.email, "email")} ${field("password", T.signIn.password, "password")}`}
        ${state.kind === "end_user" ? html`${field("projectId", T.signIn.project)}
          <fieldset>
            <legend>${T.signIn.keys}</legend>
            ${field("developerKey", T.signIn.developerKey, "password", false)}
            ${field("apiKey", T.signIn.apiKey, "password", false)}
          </fieldset>` : nothing}
        <button type="submit" ?disabled=${state.busy !== ""} aria-busy=${state.busy !== ""}>${T.signIn.submit}</button>
        ${outcome(state, { remedies: state.kind === "access_key" ? T.signIn.remedies : {}, signIn: false })}
      </form>
      <small>${T.signIn.hint}</small>
    </article>
    `;
  }
}

const AUTOCOMPLETE = /** @type {Record<string, string>} */ ({ email: "username", password: "current-password" });

/** A field that a browser may fill in. @param {string} name @param {string} label */
const field = (name, label, type = "text", required = true) => html`
  <label>
    ${label}
    <input name=${name} type=${type} ?required=${required} spellcheck="false" autocomplete=${AUTOCOMPLETE[name] ?? "off"} />
  </label>
`;
