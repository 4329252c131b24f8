/** Public keys that verify signed notes (c2sp.org/signed-note): `name+key id+base64` of a type and an Ed25519 key. */

import { CannotCheckError, equal, FaultError, fromBase64, hex, joined, sha256, subtle, utf8 } from "./bytes.js";

const ED25519 = 1;

/** @typedef {{name: string, id: Uint8Array, verifies: (text: string, signature: Uint8Array<ArrayBuffer>) => Promise<boolean>}} Key */

/** @param {string} text @returns {Promise<Key>} */
export async function keyFrom(text) {
  const [, name, keyId, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim()) ?? [];
  if (!name) throw new FaultError("this is no verification key: name+key id+base64");
  const typed = fromBase64(encoded);
  const id = (await sha256(joined(utf8(`${name}\n`), typed))).slice(0, 4);
  if (typed[0] !== ED25519 || typed.length !== 33 || hex(id) !== keyId) throw new FaultError("this verification key is damaged");
  const key = await imported(typed.slice(1));
  const verifies = (/** @type {string} */ signed, /** @type {Uint8Array<ArrayBuffer>} */ signature) =>
    subtle().verify({ name: "Ed25519" }, key, signature, utf8(signed));
  return { name, id, verifies };
}

/** @param {Uint8Array<ArrayBuffer>} raw */
async function imported(raw) {
  try {
    return await subtle().importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotSupportedError") throw new CannotCheckError("old");
    throw error;
  }
}

/** Tell whether a signature says that it is of this key. @param {Key} key @param {{name: string, keyId: Uint8Array}} signature */
export const isOf = (key, signature) => key.name === signature.name && equal(key.id, signature.keyId);
