/** A generation as the log has it: its state at any version, what changed between two, and the proofs of it. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { local, moment } from "../format.js";
import { proofSection, readProofs } from "../parts/proof-section.js";
import { outcome, stateOf } from "../parts/state.js";
import { statusBadge } from "../parts/status-badge.js";
import { timeSlider } from "../parts/time-slider.js";
import { T } from "../texts.js";

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { session } = accounts.client();
  const { signal } = page;
  const { id } = page.params;
  const address = `/api/v1/audit/generations/${id}`;
  const read = (/** @type {string} */ path, /** @type {any} */ query) => session.json(`${address}${path}`, { query, signal });
  const now = await read("", {});
  const version = now.as_of.version;
  const initial = { id, now, version, last: version, since: Math.max(1, version - 1), chosen: 0, shown: now, difference: null, events: [], pictures: [], proofs: null };
  const managed = stateOf(page, T.history.title, /** @type {any} */ (initial), view);
  const { state, update, act, fail } = managed;
  const views = new Map([[version, now]]);
  let wanted = 0;
  /** Show another version; of several that are wanted quickly the last one counts. */
  const show = async (/** @type {{version?: number, chosen?: number}} */ change) => {
    const [to, chosen] = [change.version ?? state.version, change.chosen ?? state.chosen];
    const since = chosen || Math.max(1, to - 1); // follows the slider, until another version is chosen
    const mine = (wanted += 1);
    update({ version: to, since, chosen });
    try {
      const shown = views.get(to) ?? (await read("", { as_of: to }));
      views.set(to, shown);
      const [from, until] = [Math.min(since, to), Math.max(since, to)];
      const difference = from === until ? null : await read("/diff", { since: from, as_of: until });
      if (mine === wanted) update({ shown, difference });
    } catch (error) {
      fail(error);
    }
  };
  const prove = act("prove", async () => update({ proofs: await readProofs(session, id, state.last, signal) }));
  update({});
  const sent = { generation_id: id, limit: 500 };
  const { events } = await session.json("/api/v1/audit/events", { query: sent, signal });
  update({ events: events.filter((/** @type {any} */ event) => !event.damaged) });
  if (accounts.current()?.role === "developer") update({ pictures: await picturesOf(session, now.state.project, id) });
  await show({});

  /** @param {any} state */
  function view(state) {
    const { project, user, developer, created_at: createdAt } = state.now.state;
    return html`
      <hgroup>
        <h1 tabindex="-1">${T.history.title}</h1>
        <p>${statusBadge(state.now.state)} <code>${id}</code> · ${moment(createdAt)}</p>
      </hgroup>
      ${outcome(state)}
      <div class="history">
        <section>${timeSlider(state, show)}</section>
        <section>
          ${state.pictures.map((/** @type {any} */ picture) => html`<img class="result" src=${local(picture.url)} alt=${T.history.picture} width=${picture.width} height=${picture.height} />`)}
          <h2>${T.history.owner}</h2>
          <dl>
            ${Object.entries({ developer, project, user }).map(([name, value]) => html`<div><dt>${T.history.owners[name]}</dt><dd><code>${value}</code></dd></div>`)}
          </dl>
          ${proofSection(state, prove)}
          <h2>${T.history.elsewhere}</h2>
          <p><a href="/console/log?generation_id=${id}">${T.history.log}</a> · <a href="/console/log?correlation_id=generation-${id}">${T.history.webhooks}</a></p>
        </section>
      </div>
    `;
  }
}

/** Read the pictures as the project's developer; none where they are gone. @param {any} session @param {string} project @param {string} id */
async function picturesOf(session, project, id) {
  const generation = await session.json(`/api/v1/projects/${project}/generations/${id}`).catch(() => null);
  return generation?.result?.images ?? [];
}
