/** Everything that this browser can check of a checkpoint, a proof or a receipt, each step by its name. */

import { CannotCheckError, FaultError, hex, sha256 } from "./bytes.js";
import { eventsOf, inclusionFrom, verifyInclusion } from "./inclusion.js";
import { keyFrom } from "./keys.js";
import { checkpointFrom, openNote } from "./notes.js";
import { signedText } from "./receipts.js";

/** @typedef {{name: string, passed: boolean, found: string}} Check `found` is what holds, or what is wrong */

/**
 * Check a text of any of the three kinds; stops at the first fault.
 * @param {string} text @param {string[]} keys @param {{picture?: Blob | null}} [beside]
 * @returns {Promise<{kind: "checkpoint" | "proof" | "receipt", checks: Check[]}>}
 */
export async function check(text, keys, { picture = null } = {}) {
  const kind = text.startsWith("c2sp.org/tlog-proof") ? "proof" : text.trimStart().startsWith("{") ? "receipt" : "checkpoint";
  const steps = { checkpoint: checkpointSteps, proof: proofSteps, receipt: receiptSteps }[kind];
  const checks = /** @type {Check[]} */ ([]);
  const step = async (/** @type {string} */ name, /** @type {() => any} */ run) => {
    try {
      checks.push({ name, passed: true, found: await run() });
    } catch (error) {
      if (error instanceof CannotCheckError || !(error instanceof FaultError)) throw error;
      checks.push({ name, passed: false, found: error.message });
      throw error;
    }
  };
  try {
    await steps(text, await Promise.all(keys.map(keyFrom)), step, picture);
  } catch (error) {
    if (!(error instanceof FaultError)) throw error;
    if (checks.every(({ passed }) => passed)) checks.push({ name: "form", passed: false, found: error.message });
  }
  return { kind, checks };
}

/** @param {string} text @param {any[]} keys @param {any} step */
async function checkpointSteps(text, keys, step) {
  await step("signature", async () => (await openNote(text, keys)).signer);
  await step("checkpoint", () => described(checkpointFrom(text)));
}

/** @param {string} text @param {any[]} keys @param {any} step */
async function proofSteps(text, keys, step) {
  const proof = inclusionFrom(text);
  await step("signature", async () => (await openNote(proof.note, keys)).signer);
  await step("checkpoint", () => described(checkpointFrom(proof.note)));
  await step("inclusion", async () => {
    await verifyInclusion(proof);
    return `commit ${proof.index + 1}`;
  });
  await step("events", () => eventsOf(proof).map(({ id, type }) => `${id} ${type}`).join(", "));
}

/** @param {string} text @param {any[]} keys @param {any} step @param {Blob | null} picture */
async function receiptSteps(text, keys, step, picture) {
  const receipt = receiptFrom(text);
  if (picture) {
    await step("picture", async () => {
      const found = hex(await sha256(await picture.arrayBuffer()));
      if (found !== receipt.picture.sha256) throw new FaultError(`its SHA-256 is ${found}, the receipt is of ${receipt.picture.sha256}`);
      return `SHA-256 ${found}`;
    });
  }
  const signers = keys.filter(({ name }) => name === receipt.log || name === `${receipt.log}/receipts`);
  await step("receipt", async () => (await openNote(`${signedText(receipt)}\n${receipt.signature}\n`, signers)).signer);
  await proofSteps(receipt.proof, keys.filter(({ name }) => name === receipt.log), step);
  await step("event", () => agreeing(receipt, eventsOf(inclusionFrom(receipt.proof))));
}

/** @param {string} text */
function receiptFrom(text) {
  try {
    const receipt = JSON.parse(text);
    if (receipt.type === "exemplar-receipt/v1" && typeof receipt.proof === "string" && receipt.picture?.sha256) return receipt;
  } catch {
    // told below
  }
  throw new FaultError("this is no receipt");
}

/** Say that the receipt and its event agree about the picture. @param {any} receipt @param {any[]} events */
function agreeing(receipt, events) {
  const event = events.find(({ id }) => id === receipt.event);
  const recorded = event?.data.pictures?.[receipt.picture.number];
  const agrees =
    event?.type === "generation.completed" &&
    event.stream === `generation-${receipt.generation}` &&
    ["digest", "width", "height", "size"].every((name) => recorded?.[name] === receipt.picture[name]) &&
    event.time === receipt.times.completed_at;
  if (!agrees) throw new FaultError(`the receipt contradicts ${receipt.event}`);
  return receipt.event;
}

/** @param {import("./notes.js").Checkpoint} checkpoint */
const described = ({ origin, size }) => `${size} commits of the log ${origin}`;
