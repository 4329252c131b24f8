/** What operators hold back: maintenance, the provider, developers and projects, and the length of the queue. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { moment, number } from "../format.js";
import { choice, field, momentOf, valuesOf } from "../parts/fields.js";
import { outcome, stateOf } from "../parts/state.js";
import { table } from "../parts/table.js";
import { T } from "../texts.js";

const ADDRESS = "/api/v1/controls";
const REASONS = ["maintenance", "incident", "abuse", "billing", "cost", "legal", "request"];
const KINDS = ["maintenance", "provider", "developer", "project", "queue_cap"];

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { session } = accounts.client();
  const developer = page.query.get("developer") ?? "";
  const initial = { controls: null, kind: developer ? "developer" : "maintenance", provider: "" };
  const { state, update, act } = stateOf(page, T.controls.title, /** @type {any} */ (initial), view);
  const load = async () => update(await session.json(ADDRESS, { signal: page.signal }));
  const apply = act("apply", async (event) => {
    const { subject, ...given } = valuesOf(event);
    if (!confirm(T.controls.applySure[state.kind])) return;
    await session.json(addressOf(state.kind, subject), { method: "PUT", json: bodyOf(given) });
    update({ told: T.controls.applied });
    await load();
  });
  const lift = (/** @type {any} */ control) =>
    act("lift", async () => {
      await session.once(addressOf(control.kind, control.subject), { method: "DELETE" });
      update({ told: T.controls.lifted });
      await load();
    });
  update({});
  const [, status] = await Promise.all([load(), session.json("/api/v1/operations/status", { signal: page.signal })]);
  update({ provider: status.provider.name });

  /** @param {any} state */
  function view(state) {
    return html`
      <hgroup><h1 tabindex="-1">${T.controls.title}</h1><p>${T.controls.lead}</p></hgroup>
      ${outcome(state)} ${table(T.controls.inForce, columns(state), state.controls ?? [], state.controls ? T.controls.none : T.loading)}
      <h2>${T.controls.apply}</h2>
      ${form(state)}
    `;
  }

  /** @param {any} state */
  function form({ kind, provider, busy }) {
    const choose = (/** @type {any} */ event) => update({ kind: event.target.value });
    const subject = { provider, developer }[/** @type {"provider" | "developer"} */ (kind)] ?? "";
    return html`<form @submit=${apply}>
      <fieldset class="choices">
        <legend>${T.controls.kind}</legend>
        ${KINDS.map((one) => html`<label><input type="radio" name="kind" value=${one} .checked=${one === kind} @change=${choose} /> ${T.controls.kinds[one]}</label>`)}
      </fieldset>
      <p>${T.controls.leads[kind]}</p>
      <div class="filters">
        ${["provider", "developer", "project"].includes(kind) ? field("subject", T.controls.subjects[kind], { value: subject, required: true }) : nothing}
        ${kind === "queue_cap"
          ? field("limit", T.controls.limit, { type: "number", min: 0, max: 1_000_000, required: true })
          : html`${choice("submissions", T.controls.submissions, [["", T.controls.usual], ["queue", T.controls.queue], ["refuse", T.controls.refuse]])}
              ${field("expected_end", T.controls.expectedEnd, { type: "datetime-local" })}`}
        ${choice("reason", T.controls.reason, REASONS.map((one) => [one, T.controls.reasons[one]]), kind === "maintenance" ? "maintenance" : "incident")}
        ${field("case", T.controls.case)}
      </div>
      <div class="buttons">
        <button type="submit" aria-busy=${busy === "apply"} ?disabled=${busy !== ""}>${T.controls.applyThis}</button>
      </div>
    </form>`;
  }

  /** @param {any} state @returns {import("../parts/table.js").Column[]} */
  function columns({ busy }) {
    return [
      [T.controls.kind, (one) => T.controls.kinds[one.kind] ?? one.kind],
      [T.controls.subject, (one) => (one.subject ? html`<code>${one.subject}</code>` : one.limit === null ? "–" : number(one.limit))],
      [T.controls.submissions, (one) => (one.submissions === "refuse" ? T.controls.refuse : T.controls.queue)],
      [T.controls.reason, (one) => html`${T.controls.reasons[one.reason] ?? one.reason}${one.case ? html` · <code>${one.case}</code>` : nothing}`],
      [T.controls.since, (one) => moment(one.since), "time"],
      [T.controls.expectedEnd, (one) => moment(one.expected_end), "time"],
      ["", (one) => html`<button type="button" class="small" ?disabled=${busy !== ""} @click=${lift(one)}>${T.controls.lift}</button>`],
    ];
  }
}

/** @param {string} kind @param {string | null} [subject] */
function addressOf(kind, subject) {
  if (kind === "maintenance") return `${ADDRESS}/maintenance`;
  return kind === "queue_cap" ? `${ADDRESS}/queue` : `${ADDRESS}/${kind}s/${encodeURIComponent(subject ?? "")}`;
}

/** @param {Record<string, string>} given */
function bodyOf({ kind: _, limit, expected_end: end, ...others }) {
  return { ...others, ...(limit ? { limit: Number(limit) } : {}), ...(end ? { expected_end: momentOf(end) } : {}) };
}
