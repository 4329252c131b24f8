/** Lists of generations: one's own, what users of the project have published, and for developers all of a project. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { local, moment, number, promptOf } from "../format.js";
import { errorNotice } from "../parts/error-notice.js";
import { choice, field, valuesOf } from "../parts/fields.js";
import { moveByKey } from "../parts/grid-keys.js";
import { projectHead, readProject } from "../parts/project-head.js";
import { isLost, whenReachable } from "../parts/reachable.js";
import { isCanceled, statusBadge, statusName } from "../parts/status-badge.js";
import { zoomable } from "../parts/zoom.js";
import { T } from "../texts.js";

const STATUSES = ["pending", "processing", "completed", "failed"];
const STATES = ["requested", "validated", "reserved", "invoking", "waiting", "started", "canceling"];
const FILTERS = ["status", "from", "to", "state", "request_id", "idempotency_key", "metadata_key"];
const SIZE = 24;
const MOST = 100; // of one page

/** The filters of the address as those of the API: days begin and end where the reader is. @param {URLSearchParams} query */
function filtersOf(query) {
  const [from, to] = [query.get("from"), query.get("to")];
  return {
    status: query.get("status") ?? undefined,
    user_id: query.get("user_id") ?? undefined,
    created_after: from ? new Date(`${from}T00:00`).toISOString() : undefined,
    created_before: to ? new Date(`${to}T23:59:59.999`).toISOString() : undefined,
    state: query.get("state") ?? undefined,
    request_id: query.get("request_id") ?? undefined,
    idempotency_key: query.get("idempotency_key") ?? undefined,
    ...metadataOf(query),
  };
}

/** @param {URLSearchParams} query */
function metadataOf(query) {
  const key = query.get("metadata_key");
  return key ? { [`metadata.${key}`]: query.get("metadata_value") ?? "" } : {};
}

/** @param {import("./page.js").Page} page */
export async function page({ draw, params, go, query, signal, memory }) {
  const isGallery = params.path === "gallery";
  const { session } = accounts.client();
  const project = params.id ? await readProject(session, params.id, signal) : null;
  const title = project?.name ?? (isGallery ? T.list.gallery : T.list.title);
  const address = project ? `/api/v1/projects/${project.id}/generations` : `/api/v1/generation/${isGallery ? "public-" : ""}generations-v2`;
  const filters = filtersOf(query);
  const isFiltered = FILTERS.some((name) => query.get(name));
  const state = {
    generations: /** @type {any[]} */ ([]),
    total: /** @type {any} */ (null),
    cursor: /** @type {string | null} */ (""),
    busy: false,
    error: /** @type {unknown} */ (null),
    ...memory.list,
  };
  const update = (/** @type {Partial<typeof state>} */ change) => {
    Object.assign(state, change);
    const { generations, total, cursor } = state;
    memory.list = { generations, total, cursor };
    draw(view(), title);
  };
  const read = (/** @type {number} */ limit, /** @type {string | undefined} */ cursor) => session.json(address, { query: { limit, cursor, ...filters }, signal });
  const more = async () => {
    if (state.busy || state.cursor === null) return;
    update({ busy: true, error: null });
    try {
      const answer = await read(SIZE, state.cursor || undefined);
      const total = answer.total === undefined ? state.total : answer;
      update({ busy: false, generations: [...state.generations, ...answer.generations], cursor: answer.next_cursor, total });
    } catch (error) {
      if (signal.aborted) return;
      update({ busy: false, error });
      if (isLost(error)) whenReachable(signal).then(more, () => {}); // or the page was left
    }
  };
  /** What came back with the page may be old: the first of it is read again. */
  const refresh = async () => {
    const { generations } = await read(Math.min(MOST, Math.max(SIZE, state.generations.length)), undefined);
    const last = generations.at(-1)?.created_at ?? "";
    update({ generations: [...generations, ...state.generations.filter(({ created_at: createdAt }) => createdAt < last)] });
  };
  const choose = (/** @type {Event} */ event) => {
    const user = query.get("user_id");
    go(`${params.path}?${new URLSearchParams({ ...valuesOf(event), ...(user ? { user_id: user } : {}) })}`, { replace: true });
  };
  const view = () => html`
    ${project
      ? projectHead(project, "generations")
      : html`<hgroup>
          <h1 tabindex="-1">${title}</h1>
          ${isGallery ? html`<p>${T.list.galleryLead}</p>` : nothing}
        </hgroup>`}
    ${filterForm(query, isGallery, choose)}
    <ul class="grid-list" @keydown=${moveByKey}>${state.generations.map((/** @type {any} */ generation) => card(generation, isGallery))}</ul>
    ${state.generations.length === 0 && !state.busy && !state.error ? empty() : nothing}
    ${state.error ? errorNotice(state.error, { retry: more, again: isLost(state.error) }) : nothing}
    <footer class="list-end">
      ${state.total ? html`<small>${T.list.total(number(state.total.total), state.total.total_is_exact)}</small>` : nothing}
      ${state.cursor === null
        ? nothing
        : html`<button type="button" class="secondary outline more" aria-busy=${state.busy} @click=${more}>${T.list.more}</button>`}
    </footer>
  `;
  const empty = () => html`<p class="empty">
    ${isFiltered ? html`${T.list.noMatch} <a href="/console/${params.path}">${T.list.showAll}</a>` : T.list.empty}
    ${isGallery || project || isFiltered ? nothing : html`<a href="/console/create">${T.list.first}</a>`}
  </p>`;
  if (state.generations.length > 0) {
    update({});
    await refresh();
  } else {
    await more();
  }
  watchEnd(more, signal);
}

/** @param {URLSearchParams} query @param {boolean} isGallery @param {(event: Event) => void} choose */
function filterForm(query, isGallery, choose) {
  const day = (/** @type {"from" | "to"} */ name) => field(name, T.list[name], { type: "date", value: query.get(name) ?? "" });
  const submit = (/** @type {Event} */ event) => /** @type {HTMLElement} */ (event.target).closest("form")?.requestSubmit();
  return html`<form class="row list-filters" @submit=${choose}>
    ${isGallery
      ? nothing
      : html`<label>
          ${T.list.status}
          <select name="status" @change=${submit}>
            <option value="">${T.list.all}</option>
            ${STATUSES.map((one) => html`<option value=${one} ?selected=${one === query.get("status")}>${T.status[one]}</option>`)}
          </select>
        </label>`}
    ${day("from")} ${day("to")}
    <button type="submit" class="secondary">${T.log.filter}</button>
    ${isGallery ? nothing : moreFilters(query)}
  </form>`;
}

/** The filters that programs use more than people. @param {URLSearchParams} query */
function moreFilters(query) {
  const text = (/** @type {string} */ name) => field(name, T.list.filters[name], { value: query.get(name) ?? "" });
  const states = /** @type {[string, string][]} */ ([["", T.list.all], ...STATES.map((one) => [one, one])]);
  return html`<details ?open=${FILTERS.slice(3).some((name) => query.get(name))}>
    <summary>${T.list.moreFilters}</summary>
    <div class="row">
      ${choice("state", T.list.filters.state, states, query.get("state") ?? "")} ${text("request_id")} ${text("idempotency_key")}
      ${text("metadata_key")} ${text("metadata_value")}
    </div>
  </details>`;
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
  const prompt = promptOf(generation.instructions) || T.generation.noTexts;
  const alt = T.generation.result_alt(prompt);
  const time = html`<time datetime=${generation.created_at}>${moment(generation.created_at)}</time>`;
  const inner = html`
    ${picture
      ? html`<img src=${local(picture.url)} alt=${alt} loading="lazy" width=${picture.width} height=${picture.height} />`
      : html`<span class="no-picture ${statusName(generation)}"><span>${stateOf(generation)}</span></span>`}
    <span class="prompt">${prompt}</span>
    <small>${isGallery ? nothing : statusBadge(generation)} ${time}</small>
  `;
  if (!isGallery) return html`<li><a class="card" href="/console/generations/${generation.id}">${inner}</a></li>`;
  if (!picture) return html`<li><div class="card">${inner}</div></li>`;
  return html`<li>${zoomable(picture, alt, { content: inner, kind: "card", below: html`<p>${prompt} <small>${time}</small></p>` })}</li>`;
}

/** What a card says in the place of its picture. @param {any} generation */
function stateOf(generation) {
  if (isCanceled(generation)) return T.generation.noPicture;
  return generation.status === "failed" ? (generation.failure?.message ?? generation.error ?? T.status.failed) : T.list.states[generation.status];
}
