/** The instructions of a submission: the JSON that is sent, and what is wrong with it. */

import { number } from "../format.js";
import { T } from "../texts.js";

export const LONGEST = 1000; // characters of the instructions as JSON
const MODEL_TOKENS = 75; // that the text encoders of the model read

/** As the service splits a prompt: each piece is one token or more. */
const PIECES = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{Nd}|[^\s\p{L}\p{N}_]+|_+/giu;

/** @typedef {{prompt: string, style: string, values: Record<string, unknown>, more: string}} Given what the form holds */

/** The further keys; null when they are no JSON object. @param {Given} given @returns {Record<string, unknown> | null} */
function furtherOf({ more }) {
  try {
    const further = more.trim() ? JSON.parse(more) : {};
    return further === null || typeof further !== "object" || Array.isArray(further) ? null : further;
  } catch {
    return null;
  }
}

/** What the fields of the form say. @param {Given} given @returns {Record<string, unknown>} */
function fieldsOf({ prompt, style, values }) {
  const chosen = Object.entries(values).filter(([, value]) => value !== undefined);
  return { prompt: prompt.trim(), ...(style.trim() ? { style: style.trim() } : {}), ...Object.fromEntries(chosen) };
}

/** What is wrong with the further keys; empty where nothing is. @param {Given} given */
export function wrongFurther(given) {
  const further = furtherOf(given);
  if (further === null) return T.create.moreWrong;
  const twice = Object.keys(fieldsOf(given)).find((name) => name in further);
  return twice ? T.create.moreTwice(twice) : "";
}

/** The instructions as JSON; null when the further keys are wrong. @param {Given} given */
export function instructionsOf(given) {
  return wrongFurther(given) ? null : JSON.stringify({ ...fieldsOf(given), ...furtherOf(given) });
}

/** What a submission lacks; empty where nothing is. @param {Given & {chosen: readonly unknown[]}} given */
export function problemOf(given) {
  if (given.chosen.length === 0) return T.create.none;
  return given.prompt.trim() ? wrongFurther(given) : T.create.noPrompt;
}

/** The length as the service counts it, or why it cannot be told. @param {Given} given */
export function lengthOf(given) {
  const json = instructionsOf(given);
  if (json === null) return { text: T.create.noLength, isWrong: true };
  const length = [...json].length;
  return { text: T.create.length(number(length), number(LONGEST)), isWrong: length > LONGEST };
}

/** What the service will advise of the texts, which it joins to the prompt of the model. @param {Given} given */
export function adviceOf(given) {
  const { prompt, style } = fieldsOf(given);
  const texts = Object.entries({ style, ...furtherOf(given) }).filter(([, value]) => typeof value === "string");
  const joined = [prompt, ...texts.map(([name, value]) => `${name}: ${value}`)].join(", ");
  return (joined.match(PIECES) ?? []).length > MODEL_TOKENS ? T.create.longPrompt : "";
}
