/** A table that scrolls by itself where the window is narrow, by keys too. */

import { html, nothing } from "../vendor/lit-html.js";

/** @typedef {[title: string, cell: (row: any) => unknown, kind?: "number" | "time" | ""]} Column */

/** @param {string} name @param {Column[]} columns @param {readonly any[]} rows @param {string} empty */
export function table(name, columns, rows, empty) {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  const kindOf = (/** @type {Column} */ [, , kind]) => kind || nothing;
  return html`<div class="overflow-auto" role="region" tabindex="0" aria-label=${name}>
    <table class="striped">
      <thead><tr>${columns.map((column) => html`<th scope="col" class=${kindOf(column)}>${column[0]}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr>${columns.map((column) => html`<td class=${kindOf(column)}>${column[1](row)}</td>`)}</tr>`)}</tbody>
    </table>
  </div>`;
}
