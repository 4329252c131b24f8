/** The public status of a generation; a canceled one has not failed. */

import { html } from "../vendor/lit-html.js";
import { T } from "../texts.js";

/** @typedef {{status: "pending" | "processing" | "completed" | "failed", state?: string, failure?: {code: string} | null}} Shown */

/** Whether somebody canceled it. @param {Shown} generation */
export const isCanceled = ({ status, failure, state }) => status === "failed" && (failure?.code === "canceled" || state === "canceled");

/** @param {Shown} generation */
export const statusName = (generation) => (isCanceled(generation) ? "canceled" : generation.status);

/** @param {Shown} generation */
export const statusBadge = (generation) => html`<span class=${`badge ${statusName(generation)}`}>${T.status[statusName(generation)]}</span>`;
