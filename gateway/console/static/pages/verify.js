/** The latest checkpoint, and the check of checkpoints, proofs and receipts in this browser. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { cannotCheck, checkList } from "../parts/checks.js";
import { field, formOf } from "../parts/fields.js";
import { reveal } from "../parts/reveal.js";
import { saveText } from "../parts/save.js";
import { outcome, stateOf } from "../parts/state.js";
import { CannotCheckError } from "../proofs/bytes.js";
import { check } from "../proofs/checks.js";
import { T } from "../texts.js";

const AUDIT = "/api/v1/audit";
const EVENT_ID = "[!-~]{1,128}:[1-9][0-9]{0,8}";

/** What a new attempt begins with: nothing that was found before. */
const NOTHING = { result: null, checkedText: null, error: null };

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { session } = accounts.client();
  const { signal, query } = page;
  const initial = { keys: "", checkpoint: "", latest: null, ...NOTHING, text: "", cannot: null, event: query.get("event") ?? "" };
  const { state, update, act, fail } = stateOf(page, T.verify.title, /** @type {any} */ (initial), view);
  const read = (/** @type {string} */ path, sent = {}) => session.request(`${AUDIT}/${path}`, { query: sent, signal }, (answer) => answer.text());
  const checked = async (/** @type {string} */ text, picture = null) => {
    const keys = state.keys.split(/\s+/).filter(Boolean);
    try {
      return await check(text, keys, { picture });
    } catch (error) {
      if (!(error instanceof CannotCheckError)) throw error;
      update({ cannot: error });
      return null;
    }
  };
  const prove = act("prove", async (event) => {
    const id = String(formOf(event).get("event")).trim();
    update({ event: id, ...NOTHING });
    const text = await read("proof", { event: id });
    update({ text, result: await checked(text) });
    reveal(".result");
  });
  const verify = act("verify", async (event) => {
    const form = formOf(event);
    const [text, picture] = [String(form.get("text")).trimStart(), /** @type {any} */ (form.get("picture"))];
    update({ ...NOTHING, text });
    update({ checkedText: await checked(text.endsWith("\n") ? text : `${text}\n`, picture?.size ? picture : null) });
    reveal(".result");
  });
  const open = async (/** @type {any} */ event) => update({ ...NOTHING, text: await event.target.files[0].text() });

  update({});
  try {
    const { keys } = await session.json(`${AUDIT}/keys`, { signal });
    update({ keys: keys.join("\n") });
    const checkpoint = await read("checkpoint");
    update({ checkpoint, latest: await checked(checkpoint) });
    if (state.event) {
      const text = await read("proof", { event: state.event });
      update({ text, result: await checked(text) });
    }
  } catch (error) {
    fail(error);
  }

  /** @param {any} state */
  function view(state) {
    const forget = () => update(NOTHING); // what was found is about another id
    const changeKeys = async (/** @type {any} */ event) => {
      update({ ...NOTHING, keys: event.target.value, latest: null });
      if (state.checkpoint) update({ latest: await checked(state.checkpoint) });
    };
    return html`
      <hgroup><h1 tabindex="-1">${T.verify.title}</h1><p>${T.verify.lead}</p></hgroup>
      ${cannotCheck(state.cannot)}
      <div class="pair">
        <section>
          <h2>${T.verify.checkpoint}</h2>
          ${state.latest ? checkList(state.latest.checks) : nothing}
          ${state.checkpoint
            ? html`<pre tabindex="0"><code>${state.checkpoint}</code></pre>
                <p><small>${T.verify.keep}</small></p>
                <button type="button" class="secondary outline" @click=${() => saveText("checkpoint.txt", state.checkpoint)}>${T.verify.save}</button>`
            : nothing}
        </section>
        <section>
          <h2>${T.verify.keys}</h2>
          <label>${T.verify.keysLead}<textarea rows="3" spellcheck="false" .value=${state.keys} @change=${changeKeys}></textarea></label>
        </section>
      </div>
      <h2>${T.verify.event}</h2>
      <form class="row" @submit=${prove} @input=${forget}>
        ${field("event", T.verify.eventId, {
          value: state.event, required: true, hint: "generation-…:1", pattern: EVENT_ID, form: T.verify.eventForm,
        })}
        <button type="submit" aria-busy=${state.busy === "prove"} ?disabled=${state.busy !== ""}>${T.verify.prove}</button>
      </form>
      <p><small>${T.verify.eventForm}</small></p>
      ${outcome(state)} ${state.result ? result(state.result) : nothing}
      <h2>${T.verify.text}</h2>
      <form @submit=${verify}>
        <label>${T.verify.textLead}
          <textarea name="text" rows="6" required spellcheck="false" class="code" .value=${state.text}></textarea>
        </label>
        <div class="row">
          <label>${T.verify.file}<input type="file" @change=${open} /></label>
          <label>${T.verify.picture}<input type="file" name="picture" accept="image/*" /></label>
          <button type="submit" aria-busy=${state.busy === "verify"} ?disabled=${state.busy !== ""}>${T.verify.verify}</button>
        </div>
      </form>
      ${state.checkedText ? result(state.checkedText) : nothing}
    `;
  }
}

/** @param {{kind: string, checks: any[]}} result */
function result({ kind, checks }) {
  const passed = checks.every((one) => one.passed);
  return html`<article class=${`notice result ${passed ? "good" : "error"}`} tabindex="-1">
    <p><strong>${passed ? T.verify.good[kind] : T.verify.bad[kind]}</strong></p>
    ${checkList(checks)}
  </article>`;
}
