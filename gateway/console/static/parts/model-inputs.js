/** The inputs of the model as a form, from the schema that the service publishes. */

import { html } from "../vendor/lit-html.js";
import { T } from "../texts.js";

/** @typedef {{name: string, schema: any}} Input */

const OWN = new Set(["prompt"]); // it has a field of its own

/** Read the inputs; none where the document does not describe them. @returns {Promise<Input[]>} */
export async function readInputs() {
  const document = await fetch("/openapi.json").then((answer) => (answer.ok ? answer.json() : {}));
  const at = (/** @type {any} */ part) => (part?.$ref ? part.$ref.slice(2).split("/").reduce((/** @type {any} */ found, /** @type {string} */ name) => found?.[name], document) : part);
  const form = at(document.paths?.["/api/v1/generation/generate-v2"]?.post?.requestBody)?.content?.["multipart/form-data"]?.schema;
  const instructions = at(at(at(form)?.properties?.instructions)?.contentSchema);
  const inputs = Object.entries(instructions?.properties ?? {}).map(([name, schema]) => ({ name, schema: at(schema) }));
  return inputs.filter(({ name }) => !OWN.has(name));
}

/** @param {Input[]} inputs @param {Record<string, any>} values @param {(name: string, value: unknown) => void} change undefined: as usual */
export function modelInputs(inputs, values, change) {
  return html`<div class="filters">${inputs.map(({ name, schema }) => input(name, schema, values[name], change))}</div>`;
}

/** @param {string} name @param {any} schema @param {any} value @param {(name: string, value: unknown) => void} change */
function input(name, schema, value, change) {
  const options = schema.enum ?? (schema.type === "boolean" ? [true, false] : null);
  const isNumber = schema.type === "integer" || schema.type === "number";
  const given = (/** @type {any} */ event) => {
    const { value: text } = event.target;
    if (text === "") return change(name, undefined);
    if (options) return change(name, options.find((/** @type {unknown} */ option) => String(option) === text));
    return change(name, isNumber ? Number(text) : text);
  };
  const label = html`${T.create.inputs[name] ?? name} ${schema.minimum === undefined ? "" : html`<small>${T.create.range(schema.minimum, schema.maximum)}</small>`}`;
  if (options) {
    return html`<label>${label}
      <select data-input=${name} @change=${given}>
        <option value="" ?selected=${value === undefined}>${T.create.usual}</option>
        ${options.map((/** @type {unknown} */ option) => html`<option value=${String(option)} ?selected=${option === value}>${option === true ? T.yes : option === false ? T.no : option}</option>`)}
      </select>
    </label>`;
  }
  return html`<label>${label}
    <input
      data-input=${name} type=${isNumber ? "number" : "text"} placeholder=${T.create.usual} .value=${value === undefined ? "" : String(value)}
      min=${schema.minimum ?? ""} max=${schema.maximum ?? ""} step=${isNumber ? (schema.multipleOf ?? (schema.type === "integer" ? 1 : "any")) : ""} @input=${given}
    />
  </label>`;
}
