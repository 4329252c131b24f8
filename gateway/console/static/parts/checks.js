/** What was checked in this browser, and what came of it. */

import { html, nothing } from "../vendor/lit-html.js";
import { CannotCheckError } from "../proofs/bytes.js";
import { T } from "../texts.js";

/** @param {import("../proofs/checks.js").Check[]} checks */
export const checkList = (checks) => html`<div role="status"><ul class="checks">
  ${checks.map(({ name, passed, found }) => html`<li class=${passed ? "passed" : "broken"}>
    <span aria-hidden="true">${passed ? "✓" : "✗"}</span>
    <span><strong>${T.verify.checks[name]}</strong> <span class="visually-hidden">${passed ? T.verify.holds : T.verify.broken}</span> <code>${found}</code></span>
  </li>`)}
</ul></div>`;

/** Say that this browser cannot check; other errors are not told here. @param {unknown} error */
export const cannotCheck = (error) =>
  error instanceof CannotCheckError
    ? html`<p class="notice" role="status">${error.message === "insecure" ? T.verify.insecure : T.verify.old}</p>`
    : nothing;
