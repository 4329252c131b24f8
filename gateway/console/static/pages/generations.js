/** Lists of generations: one's own, what users of the project have published, and for developers all of a project. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { local, moment, number, promptOf } from "../format.js";
import { errorNotice } from "../parts/error-notice.js";
import { projectHead, readProject } from "../parts/project-head.js";
import { statusBadge } from "../parts/status-badge.js";
import { T } from "../texts.js";

const STATUSES = ["pending", "processing", "completed", "failed"];

/** @param {import("./page.js").Page} page */
export async function page({ draw, params, go, query, signal }) {
  const isGallery = params.path === "gallery";
  const { session } = accounts.client();
  const project = params.id ? await readProject(session, params.id, signal) : null;
  const title = project?.name ?? (isGallery ? T.list.gallery : T.list.title);
  const address = project ? `/api/v1/projects/${project.id}/generations` : `/api/v1/generation/${isGallery ? "public-" : ""}generations-v2`;
  const user = query.get("user_id") ?? undefined;
  const status = query.get("status");
  const state = {
    generations: /** @type {any[]} */ ([]),
    total: /** @type {any} */ (null),
    cursor: /** @type {string | null} */ (""),
    busy: false,
    error: /** @type {unknown} */ (null),
  };
  const update = (/** @type {Partial<typeof state>} */ change) => {
    Object.assign(state, change);
    draw(view(), title);
  };
  const more = async () => {
    if (state.busy || state.cursor === null) return;
    update({ busy: true, error: null });
    try {
      const sent = { limit: 24, cursor: state.cursor || undefined, status: status ?? undefined, user_id: user };
      const answer = await session.json(address, { query: sent, signal });
      const total = answer.total === undefined ? state.total : answer;
      update({ busy: false, generations: [...state.generations, ...answer.generations], cursor: answer.next_cursor, total });
    } catch (error) {
      if (!signal.aborted) update({ busy: false, error });
    }
  };

  const choose = (/** @type {any} */ event) => {
    const chosen = new URLSearchParams({ ...(event.target.value ? { status: event.target.value } : {}), ...(user ? { user_id: user } : {}) });
    go(`${params.path}?${chosen}`, { replace: true });
  };
  const view = () => html`
    ${project
      ? projectHead(project, "generations")
      : html`<hgroup>
          <h1 tabindex="-1">${title}</h1>
          ${isGallery ? html`<p>${T.list.galleryLead}</p>` : nothing}
        </hgroup>`}
    ${isGallery
      ? nothing
      : html`<label class="inline">
          ${T.list.status}
          <select @change=${choose}>
            <option value="">${T.list.all}</option>
            ${STATUSES.map((one) => html`<option value=${one} ?selected=${one === status}>${T.status[one]}</option>`)}
          </select>
        </label>`}
    <ul class="grid-list">${state.generations.map((generation) => card(generation, isGallery))}</ul>
    ${state.generations.length === 0 && !state.busy && !state.error
      ? html`<p class="empty">${T.list.empty} ${isGallery || project ? nothing : html`<a href="/console/create">${T.list.first}</a>`}</p>`
      : nothing}
    ${state.error ? errorNotice(state.error, { retry: more }) : nothing}
    <footer class="list-end">
      ${state.total ? html`<small>${T.list.total(number(state.total.total), state.total.total_is_exact)}</small>` : nothing}
      ${state.cursor === null
        ? nothing
        : html`<button type="button" class="secondary outline more" aria-busy=${state.busy} @click=${more}>${T.list.more}</button>`}
    </footer>
  `;
  await more();
  watchEnd(more, signal);
}

/** Load more when the end of the list comes into view. @param {() => void} more @param {AbortSignal} signal */
function watchEnd(more, signal) {
  const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && more(), {
    rootMargin: "400px",
  });
  const end = document.querySelector(".list-end");
  if (end) observer.observe(end);
  signal.addEventListener("abort", () => observer.disconnect());
}

/** @param {any} generation @param {boolean} isGallery */
function card(generation, isGallery) {
  const picture = generation.result?.images?.[0];
  const prompt = promptOf(generation.instructions);
  const inner = html`
    ${picture
      ? html`<img src=${local(picture.url)} alt=${T.generation.result_alt(prompt)} loading="lazy" width=${picture.width} height=${picture.height} />`
      : html`<div class="no-picture" aria-hidden="true"></div>`}
    <p class="prompt">${prompt || T.generation.noTexts}</p>
    <small>${isGallery ? nothing : statusBadge(generation.status)} <time datetime=${generation.created_at}>${moment(generation.created_at)}</time></small>
  `;
  return html`<li>
    ${isGallery ? html`<div class="card">${inner}</div>` : html`<a class="card" href="/console/generations/${generation.id}">${inner}</a>`}
  </li>`;
}
