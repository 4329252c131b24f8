/** Whether a generation is under a signed checkpoint, and whether its receipt holds, as checked by this browser. */

import { html, nothing } from "../vendor/lit-html.js";
import { local } from "../format.js";
import { ApiError } from "../vendor/exemplar-client/index.js";
import { CannotCheckError } from "../proofs/bytes.js";
import { check } from "../proofs/checks.js";
import { T } from "../texts.js";
import { cannotCheck, checkList } from "./checks.js";

const PENDING = ["conflict", "receipt_pending"]; // no checkpoint covers it yet
const WITHOUT = ["receipts_disabled", "gone", "not_found"];

/** @typedef {{kind?: string, checks: import("../proofs/checks.js").Check[], pending: boolean, absent: string, cannot: unknown, text: string}} Proved */

/**
 * Read and check the proof of a generation's last event and the receipt of its first picture, as a reader of the log.
 * @param {any} session @param {string} id @param {number} version @param {AbortSignal} signal
 */
export async function readProofs(session, id, version, signal) {
  const { keys } = await session.json("/api/v1/audit/keys", { signal });
  const text = (/** @type {string} */ path, query = {}) => session.request(`/api/v1/audit/${path}`, { query, signal }, (/** @type {Response} */ answer) => answer.text());
  const proof = await proved(() => text("proof", { event: `generation-${id}:${version}` }), keys);
  const receipt = await proved(() => text(`generations/${id}/receipt`), keys);
  return { proof, receipt };
}

/**
 * Read and check the receipt of one's own picture, with the picture.
 * @param {any} session @param {string} id @param {{url: string}} picture @param {AbortSignal} signal
 */
export async function provedReceipt(session, id, picture, signal) {
  const { keys } = await session.json("/api/v1/audit/keys", { signal });
  const read = () => session.request(`/api/v1/generation/generations-v2/${id}/receipt`, { signal }, (/** @type {Response} */ answer) => answer.text());
  const answer = await fetch(local(picture.url), { signal });
  const found = await proved(read, keys, answer.ok ? await answer.blob() : null);
  return { ...found, shown: () => provedPart("", found) };
}

/** @param {() => Promise<string>} read @param {string[]} keys @param {Blob | null} [picture] @returns {Promise<Proved>} */
export async function proved(read, keys, picture = null) {
  const nothingYet = { checks: [], pending: false, absent: "", cannot: null, text: "" };
  try {
    const text = await read();
    return { ...nothingYet, ...(await check(text, keys, { picture })), text };
  } catch (error) {
    if (error instanceof CannotCheckError) return { ...nothingYet, cannot: error };
    if (!(error instanceof ApiError)) throw error;
    if (PENDING.includes(error.code)) return { ...nothingYet, pending: true };
    if (WITHOUT.includes(error.code)) return { ...nothingYet, absent: String(error.detail) };
    throw error;
  }
}

/** @param {any} state @param {() => void} prove */
export function proofSection({ proofs, busy }, prove) {
  return html`
    <h2>${T.history.proofs}</h2>
    ${proofs ? html`${provedPart(T.history.proof, proofs.proof)} ${provedPart(T.history.receipt, proofs.receipt)}` : html`<p>${T.history.proofsLead}</p>`}
    <button type="button" class="secondary outline" aria-busy=${busy === "prove"} ?disabled=${busy !== ""} @click=${prove}>${T.history.prove}</button>
  `;
}

/** @param {string} name @param {Proved} found */
export function provedPart(name, { kind = "", checks, pending, absent, cannot }) {
  const isGood = checks.every(({ passed }) => passed);
  return html`${name ? html`<h3>${name}</h3>` : nothing}
    ${pending ? html`<p class="notice" role="status">${T.history.pending}</p>` : nothing} ${absent ? html`<p>${absent}</p>` : nothing}
    ${cannotCheck(cannot)}
    ${checks.length ? html`<p class=${isGood ? "good" : "wrong"} role="status"><strong>${(isGood ? T.verify.good : T.verify.bad)[kind]}</strong></p>${checkList(checks)}` : nothing}`;
}
