/** The state of a page, which is drawn at each change, and actions that tell what came of them. */

import { html, nothing } from "../vendor/lit-html.js";
import { ApiError } from "../vendor/exemplar-client/index.js";
import { countDown } from "./countdown.js";
import { errorNotice } from "./error-notice.js";

/** @typedef {{busy: string, told: string, error: unknown, waitMs: number}} Outcome what came of the last action */

/**
 * @template S
 * @param {import("../pages/page.js").Page} page @param {string} title @param {S} initial
 * @param {(state: S & Outcome) => unknown} view
 */
export function stateOf({ draw, signal }, title, initial, view) {
  const state = /** @type {S & Outcome} */ ({ busy: "", told: "", error: null, waitMs: 0, ...initial });
  const update = (/** @type {Partial<S & Outcome>} */ change) => {
    Object.assign(state, change);
    draw(view(state), title);
  };
  const fail = (/** @type {unknown} */ error) => {
    if (signal.aborted) return;
    update(/** @type {any} */ ({ busy: "", error }));
    const seconds = error instanceof ApiError ? error.retryAfter : null;
    if (seconds) countDown(seconds, (waitMs) => update(/** @type {any} */ ({ waitMs })), signal);
  };
  /** Make a handler of an action, which runs alone; `busy` is its name meanwhile. */
  const act = (/** @type {string} */ name, /** @type {(given?: any) => Promise<unknown>} */ call) => async (/** @type {any} */ given) => {
    if (state.busy) return;
    if (given instanceof Event) given.preventDefault();
    update(/** @type {any} */ ({ busy: name, told: "", error: null, waitMs: 0 }));
    try {
      await call(given);
      if (!signal.aborted) update(/** @type {any} */ ({ busy: "" }));
    } catch (error) {
      fail(error);
    }
  };
  return { state, update, act, fail };
}

/** @param {Outcome} state */
export function outcome({ told, error, waitMs }) {
  return html`
    ${told ? html`<p class="notice good" role="status">${told}</p>` : nothing}
    ${error ? errorNotice(error, { waitMs }) : nothing}
  `;
}
