/** Signed notes, and the checkpoints in them (c2sp.org/tlog-checkpoint). */

import { FaultError, fromBase64 } from "./bytes.js";
import { isOf } from "./keys.js";

/** @typedef {{name: string, keyId: Uint8Array, signature: Uint8Array<ArrayBuffer>}} Signature */
/** @typedef {{origin: string, size: number, root: Uint8Array, previous: number | null}} Checkpoint */

/** Split a note into its text and its signatures, unverified. @param {string} note @returns {{text: string, signatures: Signature[]}} */
export function splitNote(note) {
  const at = note.lastIndexOf("\n\n");
  const lines = note.slice(at + 2).trimEnd().split("\n");
  if (at < 0) throw new FaultError("this is no signed note");
  return { text: note.slice(0, at + 1), signatures: lines.map(signatureFrom) };
}

/** @param {string} line @returns {Signature} */
function signatureFrom(line) {
  const [, name, encoded] = /^\u2014 (\S+) (\S+)$/.exec(line) ?? [];
  if (!name) throw new FaultError("this is no signed note");
  const blob = fromBase64(encoded);
  return { name, keyId: blob.slice(0, 4), signature: blob.slice(4) };
}

/**
 * Return the text of a note that one of the keys has signed, and the name of that key; a wrong signature is a fault.
 * @param {string} note @param {readonly import("./keys.js").Key[]} keys
 */
export async function openNote(note, keys) {
  const { text, signatures } = splitNote(note);
  let signer = "";
  for (const signature of signatures) {
    const key = keys.find((one) => isOf(one, signature));
    if (!key) continue;
    if (!(await key.verifies(text, signature.signature))) throw new FaultError(`the signature of ${key.name} is wrong`);
    signer = key.name;
  }
  if (!signer) throw new FaultError("none of the keys has signed it");
  return { text, signer };
}

/** @param {string} text @returns {Checkpoint} */
export function checkpointFrom(text) {
  const [origin, size, root, ...extensions] = text.split("\n");
  if (!origin || !/^[0-9]+$/.test(size ?? "") || !root) throw new FaultError("this is no checkpoint");
  const previous = extensions.map((line) => /^previous ([0-9]+)$/.exec(line)).find(Boolean);
  return { origin, size: Number(size), root: fromBase64(root), previous: previous ? Number(previous[1]) : null };
}
