/** The faults that a refusal names, in the words of the console: pictures count from 1, each fault has its remedy. */

import { T } from "../texts.js";

const PICTURES = ["example_images", "files"];

/** @typedef {{loc: (string | number)[], msg: string, code?: string}} Told a fault as the service tells it */
/** @typedef {{picture: number, field: string, text: string}} Fault `picture` counts from 1; 0: it is about no picture */

/** @param {{code?: string, detail?: unknown, body?: any} | null | undefined} refusal an ApiError @param {Record<string, string>} [remedies] those of the page, by code @returns {Fault[]} */
export function faultsOf(refusal, remedies = {}) {
  const told = [refusal?.body?.errors, refusal?.detail].find((one) => Array.isArray(one) && one.length > 0);
  return (told ?? []).map((/** @type {Told} */ one) => faultOf(one, { ...T.errors.remedies, ...remedies }));
}

/** The faults of one picture. @param {unknown} refusal @param {number} number counts from 1 */
export const faultsOfPicture = (refusal, number) => faultsOf(/** @type {any} */ (refusal)).filter(({ picture }) => picture === number);

/** @param {Told} told @param {Record<string, string>} remedies @returns {Fault} */
function faultOf({ loc, msg, code = "" }, remedies) {
  const [, name = "", number] = loc;
  const picture = PICTURES.includes(String(name)) && typeof number === "number" ? number + 1 : 0;
  const said = /should match pattern/i.test(msg) ? T.errors.form : msg;
  const remedy = remedies[code];
  return { picture, field: picture ? "" : loc.slice(1).join(" "), text: remedy ? `${ended(said)} ${remedy}` : said };
}

/** A fault as one sentence. @param {Fault} fault */
export function sentenceOf({ picture, field, text }) {
  if (picture) return `${T.create.picture(picture)}: ${text}`;
  return field ? `${T.errors.fields[field] ?? field}: ${text}` : text;
}

/** @param {string} sentence */
const ended = (sentence) => (/[.!?]$/.test(sentence) ? sentence : `${sentence}.`);
