/** An error, with what to do about it. */

import { html, nothing } from "../vendor/lit-html.js";
import { ApiError, AuthenticationError } from "../vendor/exemplar-client/index.js";
import { seconds } from "../format.js";
import { T } from "../texts.js";
import { faultsOf, sentenceOf } from "./faults.js";
import { isLost } from "./reachable.js";

/**
 * @param {unknown} error
 * @param {{retry?: () => unknown, waitMs?: number, again?: boolean, remedies?: Record<string, string>, signIn?: boolean}} [options]
 *   `waitMs`: the time until a repetition may succeed; `again`: the page repeats it by itself once the service answers;
 *   `remedies`: those of the page, by code; `signIn`: whether to lead to the page for signing in
 */
export function errorNotice(error, { retry, waitMs = 0, again = false, remedies = {}, signIn = true } = {}) {
  const remedy = remedyOf(error, remedies);
  return html`
    <article class="notice error" role="alert">
      ${sentences(error, again, remedies).map((sentence) => html`<p>${sentence}</p>`)}
      ${remedy ? html`<p>${remedy}</p>` : nothing}
      ${waitMs > 0 ? html`<p class="countdown">${T.errors.wait(seconds(waitMs))}</p>` : nothing}
      ${error instanceof ApiError && error.requestId ? html`<small>${T.errors.request(error.requestId)}</small>` : nothing}
      ${error instanceof AuthenticationError && signIn ? html`<a role="button" class="secondary" href=${signInHere()}>${T.signIn.submit}</a>` : nothing}
      ${retry && waitMs <= 0 && !again ? html`<button type="button" class="secondary" @click=${retry}>${T.errors.retry}</button>` : nothing}
    </article>
  `;
}

/** The page for signing in, which leads back here. */
const signInHere = () => `/console/sign-in?${new URLSearchParams({ to: location.pathname.replace("/console/", "") + location.search })}`;

/** What to do; nothing where each fault says it. @param {unknown} error @param {Record<string, string>} own */
function remedyOf(error, own) {
  if (!(error instanceof ApiError)) return "";
  const remedies = { ...T.errors.remedies, ...own };
  const isNamed = Array.isArray(error.body.errors) && error.body.errors.some(({ code }) => remedies[code]);
  return isNamed ? "" : (T.errors.reasons[error.body.reason] ?? remedies[error.code] ?? "");
}

/** @param {unknown} error @param {boolean} again @param {Record<string, string>} own @returns {string[]} */
function sentences(error, again, own) {
  if (isLost(error)) return [again ? T.errors.lostAgain : T.errors.lost];
  if (!(error instanceof ApiError)) {
    console.error(error);
    return [T.errors.unexpected];
  }
  const faults = faultsOf(error, own);
  return faults.length > 0 ? faults.map(sentenceOf) : [String(error.detail || error.message)];
}
