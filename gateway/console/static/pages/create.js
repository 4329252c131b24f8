/** Choose example pictures, say what to make of them, and submit. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { dollars, seconds } from "../format.js";
import { sampleList } from "../parts/code-samples.js";
import { countDown } from "../parts/countdown.js";
import { dropDraft, keepPictures, keepTexts, keptPictures, keptTexts } from "../parts/draft.js";
import { dropZone } from "../parts/drop-zone.js";
import { errorNotice } from "../parts/error-notice.js";
import { adviceOf, instructionsOf, lengthOf, problemOf, wrongFurther } from "../parts/instructions.js";
import { modelInputs, readInputs } from "../parts/model-inputs.js";
import { moved, opened, withFiles } from "../parts/pictures.js";
import { reveal } from "../parts/reveal.js";
import { T } from "../texts.js";
import { ApiError, randomKey } from "../vendor/exemplar-client/index.js";

/** @param {import("./page.js").Page} page */
export async function page({ draw, go, signal, query }) {
  const client = accounts.client();
  const account = accounts.current()?.id ?? "";
  const state = {
    problem: "",
    chosen: /** @type {import("../parts/pictures.js").Chosen[]} */ ([]),
    told: /** @type {string[]} */ ([]),
    prompt: "",
    style: "",
    inputs: /** @type {import("../parts/model-inputs.js").Input[]} */ ([]),
    values: /** @type {Record<string, unknown>} */ ({}),
    more: "",
    key: randomKey(),
    busy: "",
    error: /** @type {unknown} */ (null),
    waitMs: 0,
    checked: /** @type {any} */ (null),
    over: false,
  };
  const update = (/** @type {Partial<typeof state>} */ change) => {
    Object.assign(state, change);
    draw(view(), T.create.title);
  };
  /** What is sent has changed: it is another submission, and what was told of the last one is old. */
  const change = (/** @type {Partial<typeof state>} */ changed) => {
    update({ key: randomKey(), checked: null, ...(state.waitMs > 0 ? {} : { error: null }), problem: "", ...changed });
    const { prompt, style, values, more } = state;
    keepTexts(account, { prompt, style, values, more });
    if (changed.chosen) keepPictures(state.chosen);
  };

  /** Pictures take time to open: changes of the choice wait for each other, and a submission for the last of them. */
  let choosing = Promise.resolve();
  const inTurn = (/** @type {() => void | Promise<void>} */ act) => {
    choosing = choosing.then(act);
  };
  const add = (/** @type {readonly File[]} */ files) => inTurn(async () => change(await withFiles(state.chosen, files)));
  const move = (/** @type {number} */ from, /** @type {number} */ to) =>
    inTurn(() => change({ chosen: moved(state.chosen, from, to), told: [] }));
  const remove = (/** @type {number} */ index) =>
    inTurn(() => {
      URL.revokeObjectURL(state.chosen[index].url);
      change({ chosen: state.chosen.filter((_, other) => other !== index), told: [] });
    });

  const readForm = async () => {
    if (state.inputs.length === 0) update({ inputs: await readInputs() });
  };

  const send = async (/** @type {boolean} */ dryRun) => {
    await choosing;
    if (state.busy) return;
    const problem = problemOf(state);
    if (problem) {
      update({ problem });
      return reveal(".outcome");
    }
    update({ busy: dryRun ? "check" : "submit", error: null, told: [], problem: "", checked: null });
    try {
      const pictures = state.chosen.map(({ file }) => file);
      const options = { idempotencyKey: state.key, dryRun, signal };
      const answer = await client.submit(pictures, instructionsOf(state) ?? "", options);
      if (!dryRun) {
        await dropDraft();
        return await go(`generations/${answer.id}`);
      }
      update({ busy: "", checked: answer });
    } catch (error) {
      if (signal.aborted) return;
      update({ busy: "", error });
      const wait = error instanceof ApiError ? error.retryAfter : null;
      if (wait) countDown(wait, (waitMs) => update({ waitMs, ...(waitMs > 0 ? {} : { error: null }) }), signal);
    }
    reveal(".outcome");
  };

  const view = () => html`
    <hgroup>
      <h1 tabindex="-1">${T.create.title}</h1>
      <p>${T.create.lead}</p>
    </hgroup>
    <form
      class="create"
      @submit=${(/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        send(false);
      }}
    >
      <section aria-label=${T.create.examples}>${dropZone(state, { add, remove, move, update })}</section>
      <section>
        <label>
          ${T.create.prompt}
          <textarea
            name="prompt" rows="4" required placeholder=${T.create.promptHint} .value=${state.prompt}
            @input=${(/** @type {any} */ event) => change({ prompt: event.target.value })}
          ></textarea>
        </label>
        <label>
          ${T.create.style}
          <input
            name="style" placeholder=${T.create.styleHint} .value=${state.style}
            @input=${(/** @type {any} */ event) => change({ style: event.target.value })}
          />
        </label>
        <details @toggle=${readForm}>
          <summary>${T.create.more}</summary>
          ${modelInputs(state.inputs, state.values, (name, value) => change({ values: { ...state.values, [name]: value } }))}
          <label>
            ${T.create.moreHint}
            <textarea
              name="more" rows="3" spellcheck="false" .value=${state.more}
              aria-invalid=${wrongFurther(state) ? "true" : nothing}
              @input=${(/** @type {any} */ event) => change({ more: event.target.value })}
            ></textarea>
            ${wrongFurther(state) ? html`<small class="wrong">${wrongFurther(state)}</small>` : nothing}
          </label>
        </details>
        ${counted(state)}
        <div class="outcome" tabindex="-1">
          ${state.problem ? html`<p class="notice error" role="alert">${state.problem}</p>` : nothing}
          ${state.error ? errorNotice(state.error, { waitMs: state.waitMs }) : nothing}
          ${state.checked ? checkedNotice(state.checked) : nothing}
        </div>
        ${!accounts.canSubmit()
          ? html`<p class="notice">${T.create.noKeys}</p>`
          : html`<div class="buttons">
              <button type="submit" ?disabled=${state.busy !== "" || state.waitMs > 0} aria-busy=${state.busy === "submit"}>
                ${T.create.submit}
              </button>
              <button
                type="button" class="secondary outline" ?disabled=${state.busy !== ""} aria-busy=${state.busy === "check"}
                @click=${() => send(true)}
              >
                ${T.create.check}
              </button>
            </div>`}
      </section>
    </form>
    ${samples(state)}
  `;

  const paste = (/** @type {ClipboardEvent} */ event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) add(files);
  };
  document.addEventListener("paste", paste, { signal });
  signal.addEventListener("abort", () => state.chosen.forEach(({ url }) => URL.revokeObjectURL(url)));
  const kept = keptTexts(account);
  update({ ...kept });
  const from = query.get("from");
  if (from) {
    const inputs = await readInputs();
    change({ inputs, ...(await earlier(client, from, inputs)) });
    history.replaceState(history.state, "", "/console/create"); // the draft has it now: a reload keeps what is changed
  } else if (kept) {
    inTurn(async () => update({ chosen: [...(await openedAgain()), ...state.chosen] }));
  }
}

/** Read the texts and the examples of an earlier generation. @param {any} client @param {string} id @param {{name: string}[]} inputs */
async function earlier(client, id, inputs) {
  const generation = await client.get(id);
  const { prompt = "", style = "", ...others } = parsed(generation.instructions);
  const isInput = (/** @type {[string, unknown]} */ [name]) => inputs.some((input) => input.name === name);
  const values = Object.fromEntries(Object.entries(others).filter(isInput));
  const more = Object.fromEntries(Object.entries(others).filter((member) => !isInput(member)));
  const chosen = [];
  for (const [index, link] of generation.example_images.entries()) {
    const answer = await fetch(new URL(link).pathname + new URL(link).search);
    if (answer.ok) chosen.push(await opened(await answer.blob(), T.generation.example_alt(index + 1)));
  }
  return { prompt, style, values, more: Object.keys(more).length > 0 ? JSON.stringify(more) : "", chosen };
}

/** @param {string | null} instructions */
function parsed(instructions) {
  try {
    return JSON.parse(instructions ?? "{}");
  } catch {
    return { prompt: instructions };
  }
}

/** @param {any} state */
function counted(state) {
  const { text, isWrong } = lengthOf(state);
  const advice = adviceOf(state);
  return html`<small class=${isWrong ? "wrong" : ""}>${text}</small>${advice ? html`<small class="advice">${advice}</small>` : nothing}`;
}

/** The pictures that were chosen before a reload. */
async function openedAgain() {
  return Promise.all((await keptPictures()).map(({ file, name }) => opened(file, name)));
}

/** @param {{message: string, example: number | null}} one */
const warning = ({ message, example }) =>
  html`<li>${example === null ? message : `${T.create.picture(example + 1)}: ${message}`}</li>`;

/** @param {any} answer of a dry run */
function checkedNotice({ warnings = [], estimate }) {
  return html`
    <article class="notice good" role="status">
      <p>${T.create.checked} ${estimate ? T.create.estimate(seconds(estimate.duration_seconds * 1000), estimate.cost_usd ? dollars(estimate.cost_usd) : "") : nothing}</p>
      ${warnings.length ? html`<ul>${warnings.map(warning)}</ul>` : nothing}
    </article>
  `;
}

/** @param {any} state */
function samples(state) {
  const names = state.chosen.map((/** @type {any} */ { name }, /** @type {number} */ index) => name || `example-${index + 1}.jpg`);
  return sampleList(instructionsOf(state) ?? "{}", names.length > 0 ? names : ["example-1.jpg"], Boolean(accounts.current()?.accessKey));
}
