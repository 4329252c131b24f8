/** Sign in, as an end user or as somebody who looks after projects. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { errorNotice } from "../parts/error-notice.js";
import { T } from "../texts.js";

/** @param {import("./page.js").Page} page */
export function page({ draw, go, query }) {
  const state = { kind: "end_user", busy: false, error: /** @type {unknown} */ (null) };
  const update = (/** @type {Partial<typeof state>} */ change) => {
    Object.assign(state, change);
    draw(view(), T.signIn.title);
  };

  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    update({ busy: true, error: null });
    try {
      const given = Object.fromEntries([...form].filter(([name]) => name !== "kind"));
      await (state.kind === "access_key" ? accounts.signInByAccessKey(String(given.accessKey).trim()) : accounts.signIn(/** @type {any} */ (given)));
      await go("", { replace: true });
    } catch (error) {
      update({ busy: false, error });
    }
  };

  const field = (/** @type {string} */ name, /** @type {string} */ label, type = "text", required = true) => html`
    <label>
      ${label}
      <input name=${name} type=${type} ?required=${required} spellcheck="false" autocomplete=${AUTOCOMPLETE[name] ?? "off"} />
    </label>
  `;
  const choice = (/** @type {"end_user" | "access_key" | "staff"} */ kind) => html`
    <label>
      <input type="radio" name="kind" .checked=${state.kind === kind} @change=${() => update({ kind })} />
      ${T.signIn.roles[kind]}
    </label>
  `;
  const view = () => html`
    <article class="sign-in">
      <h1 tabindex="-1">${T.signIn.title}</h1>
      ${query.get("link") ? html`<p class="notice error" role="alert">${T.signIn.linkFailed}</p>` : nothing}
      ${state.error ? errorNotice(state.error) : nothing}
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
        <button type="submit" ?disabled=${state.busy} aria-busy=${state.busy}>${T.signIn.submit}</button>
      </form>
      <small>${T.signIn.hint}</small>
    </article>
  `;
  update({});
}

const AUTOCOMPLETE = /** @type {Record<string, string>} */ ({ email: "username", password: "current-password" });
