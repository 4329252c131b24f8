/** The state of a page, which is drawn at each change, and actions that tell what came of them. */

import { html, nothing } from "../vendor/lit-html.js";
import { ApiError } from "../vendor/exemplar-client/index.js";
import { countDown } from "./countdown.js";
import { errorNotice } from "./error-notice.js";
import { isLost } from "./reachable.js";
import { reveal } from "./reveal.js";

/** @typedef {{busy: string, last: string, told: string, error: unknown, waitMs: number}} Outcome what came of the action `last` */

/**
 * @template S
 * @param {import("../pages/page.js").Page} page @param {string | ((state: S & Outcome) => string)} title @param {S} initial
 * @param {(state: S & Outcome) => unknown} view
 */
export function stateOf({ draw, signal }, title, initial, view) {
  const state = /** @type {S & Outcome} */ ({ busy: "", last: "", told: "", error: null, waitMs: 0, ...initial });
  const update = (/** @type {Partial<S & Outcome & {secret: unknown}>} */ change) => {
    Object.assign(state, change);
    draw(view(state), typeof title === "string" ? title : title(state));
    if (signal.aborted) return;
    if (change.told || change.error) reveal(".outcome");
    if (change.secret) reveal(".secret");
  };
  const fail = (/** @type {unknown} */ error) => {
    if (signal.aborted) return;
    update(/** @type {any} */ ({ busy: "", error }));
    const wait = error instanceof ApiError ? error.retryAfter : null;
    // What is told of a limit is old once the wait is over.
    if (wait) countDown(wait, (waitMs) => update(/** @type {any} */ ({ waitMs, ...(waitMs > 0 ? {} : { error: null }) })), signal);
  };
  /** Make a handler of an action, which runs alone; `busy` is its name meanwhile. */
  const act = (/** @type {string} */ name, /** @type {(given?: any) => Promise<unknown>} */ call) => async (/** @type {any} */ given) => {
    if (given instanceof Event) given.preventDefault();
    if (state.busy) return;
    update(/** @type {any} */ ({ busy: name, last: name, told: "", error: null, waitMs: 0 }));
    try {
      await call(given);
      if (!signal.aborted) update(/** @type {any} */ ({ busy: "" }));
    } catch (error) {
      fail(error);
    }
  };
  /** Read again what a page watches, and say so while the service cannot be reached. */
  const look = async (/** @type {() => Promise<unknown>} */ load) => {
    try {
      await load();
      if (isLost(state.error)) update(/** @type {any} */ ({ error: null }));
    } catch (error) {
      if (isLost(error) && !isLost(state.error)) fail(error);
    }
  };
  return { state, update, act, fail, look };
}

/** @param {Outcome} state @param {Parameters<typeof errorNotice>[1]} [options] of the notice of an error */
export function outcome({ told, error, waitMs }, options = {}) {
  return html`<div class="outcome" tabindex="-1">
    ${told ? html`<p class="notice good" role="status">${told}</p>` : nothing}
    ${error ? errorNotice(error, { waitMs, ...options }) : nothing}
  </div>`;
}
