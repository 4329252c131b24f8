/** Whether the service can be reached, and when it can be again. */

import { ConnectionFailedError } from "../vendor/exemplar-client/index.js";
import { sleep } from "../vendor/exemplar-client/retries.js";

const ASKED_EVERY_S = 1.5;

/** Whether an error means that no answer came, to a request or for a module of the page. @param {unknown} error */
export const isLost = (error) =>
  error instanceof ConnectionFailedError || (error instanceof TypeError && /module|fetch/i.test(error.message));

/** Resolve once the service answers; rejects when the page is left. @param {AbortSignal} signal */
export async function whenReachable(signal) {
  for (;;) {
    await sleep(ASKED_EVERY_S, signal);
    const answer = await fetch("/console/icon.svg", { cache: "no-store", signal }).catch(() => null);
    signal.throwIfAborted();
    if (answer?.ok) return;
  }
}
