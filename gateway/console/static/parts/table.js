/** A table: in a narrow window each row is a list of its cells, in one that is still too narrow it scrolls, by keys too. */

import { html, nothing } from "../vendor/lit-html.js";

/** @typedef {[title: string, cell: (row: any) => unknown, kind?: "number" | "time" | ""]} Column */

/** @param {string} name @param {Column[]} columns @param {readonly any[]} rows @param {string} empty */
export function table(name, columns, rows, empty) {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  const kindOf = (/** @type {Column} */ [, , kind]) => kind || nothing;
  const cell = (/** @type {any} */ row) => (/** @type {Column} */ column) => html`<td class=${kindOf(column)} data-title=${column[0] || nothing}>${column[1](row)}</td>`;
  return html`<div class="overflow-auto" role="region" tabindex="0" aria-label=${name}>
    <table class="striped stacked">
      <thead><tr>${columns.map((column) => html`<th scope="col" class=${kindOf(column)}>${column[0]}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr>${columns.map(cell(row))}</tr>`)}</tbody>
    </table>
  </div>`;
}
