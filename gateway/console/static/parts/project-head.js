/** What stands above the pages of a project: its name and the links to its other pages. */

import { html, nothing } from "../vendor/lit-html.js";
import { T } from "../texts.js";

const PAGES = /** @type {const} */ (["users", "keys", "webhooks", "generations"]);

/** Read a project. @param {any} session @param {string} id @param {AbortSignal} signal */
export const readProject = (session, id, signal) => session.json(`/api/v1/projects/${id}`, { signal });

/** @param {{id: string, name: string, description: string | null}} project @param {typeof PAGES[number]} current */
export function projectHead({ id, name, description }, current) {
  return html`
    <nav aria-label=${T.breadcrumb}><ul class="crumbs"><li><a href="/console/projects">${T.nav.projects}</a></li></ul></nav>
    <hgroup>
      <h1 tabindex="-1">${name}</h1>
      <p>${description ? html`${description} · ` : nothing}<code>${id}</code></p>
    </hgroup>
    <nav class="tabs" aria-label=${name}>
      <ul>
        ${PAGES.map((page) => html`<li><a href="/console/projects/${id}/${page}" aria-current=${page === current ? "page" : nothing}>${T.project.pages[page]}</a></li>`)}
      </ul>
    </nav>
  `;
}
