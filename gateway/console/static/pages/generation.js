/** One generation, live: its state, its pictures, its events, and what can be done with it. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { clock, dollars, duration, local, moment, promptOf, size } from "../format.js";
import { copyText } from "../parts/copy.js";
import { elapsed } from "../parts/expectation.js";
import { checkPicture, pictureCheck } from "../parts/picture-check.js";
import { progress } from "../parts/progress.js";
import { saveText } from "../parts/save.js";
import { outcome, stateOf } from "../parts/state.js";
import { isCanceled, statusBadge } from "../parts/status-badge.js";
import { waterfall } from "../parts/waterfall.js";
import { zoomable } from "../parts/zoom.js";
import { T } from "../texts.js";
import { randomKey } from "../vendor/exemplar-client/index.js";

const PROGRESS = "generation.progressed"; // the only event that begins no other phase
const LOOKED_EVERY_MS = 2000;
const TICK_MS = 1000;
const LONGEST_TITLE = 60;

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { params, go, signal } = page;
  const client = accounts.client();
  const { id } = params;
  const initial = {
    generation: await client.get(id),
    events: /** @type {any[]} */ ([]),
    explained: "",
    isConnected: true,
    proved: /** @type {any} */ (null),
    checked: /** @type {import("../parts/picture-check.js").Checked} */ (""),
  };
  const managed = stateOf(page, titleOf, initial, (shown) => view(shown, actions));
  const { state, update, act } = managed;
  const actions = {
    cancel: act("cancel", async () => {
      if (confirm(T.generation.cancelSure)) update({ generation: await client.cancel(id) });
    }),
    publish: act("publish", async () => {
      const { is_public: isPublic } = state.generation;
      if (isPublic || confirm(T.generation.publishSure)) update({ generation: await client.publish(id, !isPublic) });
    }),
    copy: act("copy", async () => {
      const isCopied = await copyText(state.generation.result_image_url);
      update({ told: isCopied ? T.generation.copied : T.generation.notCopied });
    }),
    remove: act("remove", async () => {
      if (!confirm(T.generation.removeSure)) return;
      await client.delete(id);
      await go("generations", { replace: true });
    }),
    retry: act("retry", async () => {
      const headers = { ...client.session.credentials.submissionHeaders, "Idempotency-Key": randomKey() };
      const answer = await client.session.json(`/api/v1/generation/generations-v2/${id}/retry`, { method: "POST", headers });
      await go(`generations/${answer.id}`);
    }),
    receipt: act("receipt", async () => {
      const { provedReceipt } = await import("../parts/proof-section.js");
      update({ proved: await provedReceipt(client.session, id, state.generation.result.images[0], signal) });
    }),
    save: () => saveText(`receipt-${id}.json`, state.proved.text),
  };
  const bell = { ring: () => {} };
  update({});
  lookWhile(client, id, managed, bell, signal);
  await watch(accounts.client(accounts.PATIENT), id, managed, bell, signal);
  const [picture] = state.generation.result?.images ?? [];
  if (picture) update({ checked: await checkPicture(picture, signal) });
}

/** @param {any} state */
function titleOf({ generation }) {
  const prompt = promptOf(generation.instructions) || T.generation.title;
  return prompt.length > LONGEST_TITLE ? `${prompt.slice(0, LONGEST_TITLE)}…` : prompt;
}

/**
 * Show every event as it happens, and the resource after the last one. What was explained before an event is old after it.
 * @param {any} client @param {string} id @param {any} managed @param {Bell} bell @param {AbortSignal} signal
 */
async function watch(client, id, { state, update, fail }, bell, signal) {
  const onConnection = (/** @type {boolean} */ isConnected) => update({ isConnected });
  try {
    for await (const event of client.events(id, { after: 0, signal, onConnection })) {
      if (event.type === "snapshot") continue;
      const isSamePhase = event.data.type === PROGRESS;
      update({ events: [...state.events, event.data], explained: isSamePhase ? state.explained : "" });
      bell.ring(); // waiting for the resource here would hide that the connection is lost
    }
    update({ generation: await client.get(id), isConnected: true });
  } catch (error) {
    fail(error);
  }
}

/** The event that began what it does now. @param {any[]} events */
const phaseOf = (events) => events.findLast(({ type }) => type !== PROGRESS)?.version ?? 0;

/** @typedef {{ring: () => void}} Bell rung at each event, so that what is looked at now and then is looked at once */

/**
 * Until it is final, say what it waits for and when it is expected to end, and let the time run.
 * @param {any} client @param {string} id @param {any} managed @param {Bell} bell @param {AbortSignal} signal
 */
async function lookWhile(client, id, { state, update }, bell, signal) {
  const ticking = setInterval(() => update({}), TICK_MS);
  while (!signal.aborted && !isFinal(state.generation)) {
    const phase = phaseOf(state.events);
    const [explained, generation] = await Promise.all([client.explain(id), client.get(id)]).catch(() => []);
    if (explained && phase === phaseOf(state.events)) update({ explained: explained.sentence });
    if (generation && generation.version >= state.generation.version) update({ generation });
    await new Promise((resolve) => {
      bell.ring = () => resolve(undefined);
      setTimeout(resolve, LOOKED_EVERY_MS);
    });
  }
  clearInterval(ticking);
  if (!signal.aborted) update({ explained: "" });
}

/** @param {any} generation */
const isFinal = ({ status }) => status === "completed" || status === "failed";

/** @param {any} state @param {any} actions */
function view(state, actions) {
  const { generation, events } = state;
  const prompt = promptOf(generation.instructions);
  return html`
    <header class="generation-head">
      <h1 tabindex="-1">${prompt || T.generation.noTexts}</h1>
      <p role="status">${statusBadge(generation)} ${isFinal(generation) ? nothing : state.explained}</p>
      ${state.isConnected || isFinal(generation) ? nothing : html`<p class="notice" role="status">${T.generation.reconnecting}</p>`}
      ${generation.error ? failed(generation) : nothing} ${outcome(state)}
    </header>
    <div class="generation">
      <section aria-label=${T.generation.result}>${result(generation, events, prompt)} ${pictureCheck(state.checked)} ${buttons(state, actions)}</section>
      <section>
        ${generation.example_images.length
          ? html`<h2>${T.generation.examples}</h2>
              <ol class="examples">${generation.example_images.map(example)}</ol>`
          : nothing}
        ${generation.warnings?.length
          ? html`<h2>${T.generation.warnings}</h2>
              <ul class="hints">${generation.warnings.map(warning)}</ul>`
          : nothing}
        <h2>${T.generation.events}</h2>
        <ol class="events" aria-live="polite">${events.map(eventRow)}</ol>
        <details class="lifecycle">
          <summary>${T.generation.lifecycle}</summary>
          <div class="overflow-auto" role="region" tabindex="0" aria-label=${T.generation.lifecycle}>
            <img src="/console/lifecycle.svg" alt=${T.generation.lifecycleAlt} width="960" height="464" loading="lazy" />
          </div>
        </details>
        ${isFinal(generation) ? html`<h2>${T.generation.timings}</h2>${waterfall(generation.timings.phases_ms)}` : nothing}
        ${details(generation)} ${receipt(state, actions)}
      </section>
    </div>
  `;
}

/** Why there is no picture; that its user did not want it is no failure. @param {any} generation */
const failed = (generation) =>
  isCanceled(generation)
    ? html`<p class="notice" role="status">${T.generation.isCanceled}</p>`
    : html`<p class="notice error" role="alert">${generation.error}</p>`;

/** @param {any} generation @param {any[]} events @param {string} prompt */
function result(generation, events, prompt) {
  const pictures = generation.result?.images ?? [];
  if (pictures.length > 0) return pictures.map((/** @type {any} */ picture) => zoomable(picture, T.generation.result_alt(prompt)));
  return html`<div class="frame">
    ${isFinal(generation) ? html`<p>${isCanceled(generation) ? T.generation.nothing : (generation.failure?.message ?? generation.error ?? "")}</p>` : progress(generation, events, Date.now())}
  </div>`;
}

/** @param {any} state @param {any} actions */
function buttons({ generation, busy }, actions) {
  const button = (/** @type {string} */ name, /** @type {string} */ text, kind = "secondary outline") => html`
    <button type="button" class=${kind} ?disabled=${busy !== ""} aria-busy=${busy === name} @click=${actions[name]}>${text}</button>
  `;
  if (!isFinal(generation)) return html`<div class="buttons">${button("cancel", T.generation.cancel)}</div>`;
  const file = generation.result_image_url;
  return html`<div class="buttons">
    ${file ? html`<a role="button" href=${local(file)} download=${`${generation.id}.png`}>${T.generation.download}</a> ${button("copy", T.generation.copy)}` : nothing}
    <a role="button" class="secondary outline" href="/console/create?from=${generation.id}">${T.generation.edit}</a>
    ${button("retry", T.generation.retry)}
    ${file ? button("publish", generation.is_public ? T.generation.unpublish : T.generation.publish) : nothing}
    ${button("remove", T.generation.remove, "danger outline")}
  </div>`;
}

/** @param {string} url @param {number} index */
const example = (url, index) => html`<li><img src=${local(url)} alt=${T.generation.example_alt(index + 1)} loading="lazy" /></li>`;

/** @param {{message: string, example: number | null}} one */
const warning = (one) =>
  html`<li>${one.example === null ? one.message : `${T.generation.example_alt(one.example + 1)}: ${one.message}`}</li>`;

/** @param {any} event */
function eventRow(event) {
  const { percent, code } = event.data;
  const name = code === "canceled" ? T.events.canceled : (T.events[event.type] ?? event.type);
  return html`<li>
    <time datetime=${event.time}>${clock(event.time)}</time>
    <span>${name}${percent === undefined ? "" : ` ${percent} %`}</span>
  </li>`;
}

/** @param {any} generation */
function details(generation) {
  const picture = generation.result?.images?.[0];
  const F = T.generation.fields;
  const rows = [
    [F.id, generation.id],
    [F.created, moment(generation.created_at)],
    ...(generation.completed_at ? [[F.finished, moment(generation.completed_at)]] : []),
    [F.duration, isFinal(generation) ? duration(generation.timings.total_ms) : elapsed(generation, Date.now())],
    ...(generation.cost?.usd === undefined ? [] : [[T.generation.cost, dollars(generation.cost.usd)]]),
    ...(picture ? [[F.size, `${picture.width} × ${picture.height}, ${size(picture.size_bytes)}`], [F.sha256, picture.sha256]] : []),
  ];
  return html`<h2>${T.generation.details}</h2>
    <dl>${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param {any} state @param {any} actions */
function receipt({ generation, proved, busy }, actions) {
  if (!generation.result) return nothing;
  return html`<h2>${T.generation.receipt}</h2>
    ${proved ? proved.shown() : html`<p>${T.generation.receiptLead}</p>`}
    <div class="buttons">
      <button type="button" class="secondary outline" aria-busy=${busy === "receipt"} @click=${actions.receipt}>${T.generation.receiptRead}</button>
      ${proved?.text ? html`<button type="button" class="secondary outline" @click=${actions.save}>${T.generation.receiptSave}</button>` : nothing}
    </div>`;
}
