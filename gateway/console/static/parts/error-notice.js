/** An error, with what to do about it. */

import { html, nothing } from "../vendor/lit-html.js";
import { ApiError, AuthenticationError, ConnectionFailedError } from "../vendor/exemplar-client/index.js";
import { duration } from "../format.js";
import { T } from "../texts.js";

/**
 * @param {unknown} error
 * @param {{retry?: () => unknown, waitMs?: number}} [options] `waitMs`: the time until a repetition may succeed
 */
export function errorNotice(error, { retry, waitMs = 0 } = {}) {
  const remedy = error instanceof ApiError ? T.errors.remedies[error.code] : undefined;
  return html`
    <article class="notice error" role="alert">
      ${sentences(error).map((sentence) => html`<p>${sentence}</p>`)}
      ${remedy ? html`<p>${remedy}</p>` : nothing}
      ${waitMs > 0 ? html`<p class="countdown">${T.errors.wait(duration(waitMs))}</p>` : nothing}
      ${error instanceof ApiError && error.requestId ? html`<small>${T.errors.request(error.requestId)}</small>` : nothing}
      ${error instanceof AuthenticationError ? html`<a role="button" class="secondary" href="/console/sign-in">${T.signIn.submit}</a>` : nothing}
      ${retry && waitMs <= 0 ? html`<button type="button" class="secondary" @click=${retry}>${T.errors.retry}</button>` : nothing}
    </article>
  `;
}

/** @param {unknown} error @returns {string[]} */
function sentences(error) {
  if (error instanceof ConnectionFailedError) return [T.errors.lost];
  if (!(error instanceof ApiError)) {
    console.error(error);
    return [T.errors.unexpected];
  }
  const { errors } = error.body;
  if (Array.isArray(errors) && errors.length > 0) return errors.map(({ loc, msg }) => `${loc.slice(1).join(" ")}: ${msg}`);
  if (typeof error.detail === "string") return [error.detail || error.message];
  return error.detail.map((/** @type {{loc: string[], msg: string}} */ { loc, msg }) => `${loc.slice(1).join(" ")}: ${msg}`);
}
