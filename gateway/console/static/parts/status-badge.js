/** The public status of a generation. */

import { html } from "../vendor/lit-html.js";
import { T } from "../texts.js";

/** @param {"pending" | "processing" | "completed" | "failed"} status */
export const statusBadge = (status) => html`<span class=${`badge ${status}`}>${T.status[status]}</span>`;
