/** Proofs that a commit is in the log of a checkpoint (c2sp.org/tlog-proof; RFC 9162, section 2.1.3). */

import { equal, FaultError, fromBase64, joined, sha256 } from "./bytes.js";
import { checkpointFrom, splitNote } from "./notes.js";

const HEAD = /^c2sp\.org\/tlog-proof@v1\nextra (.*)\nindex ([0-9]+)\n((?:.+\n)*)\n/;

/**
 * @typedef {object} Inclusion what a proof says, unverified
 * @property {number} index of the leaf, from 0 @property {Uint8Array<ArrayBuffer>[]} hashes
 * @property {string} note the checkpoint @property {Uint8Array<ArrayBuffer>} body the bytes of the commit
 */

/** @param {string} text @returns {Inclusion} */
export function inclusionFrom(text) {
  const head = HEAD.exec(text);
  if (!head) throw new FaultError("this is no proof: it begins with c2sp.org/tlog-proof@v1");
  const hashes = head[3].split("\n").filter(Boolean).map(fromBase64);
  return { index: Number(head[2]), hashes, note: text.slice(head[0].length), body: fromBase64(head[1]) };
}

/** Throw FaultError unless the body leads to the root of the proof's checkpoint. @param {Inclusion} proof */
export async function verifyInclusion({ index, hashes, note, body }) {
  const { size, root } = checkpointFrom(splitNote(note).text);
  if (index >= size) throw new FaultError("the proof does not lead to the checkpoint");
  let [node, first, last] = [await sha256(joined(Uint8Array.of(0), body)), index, size - 1];
  for (const sibling of hashes) {
    if (last === 0) throw new FaultError("the proof is longer than the tree is high");
    if (first % 2 === 1 || first === last) {
      node = await parent(sibling, node);
      while (first % 2 === 0 && first > 0) [first, last] = [first / 2, Math.floor(last / 2)];
    } else {
      node = await parent(node, sibling);
    }
    [first, last] = [Math.floor(first / 2), Math.floor(last / 2)];
  }
  if (last !== 0 || !equal(node, root)) throw new FaultError("the proof does not lead to the checkpoint");
}

/** @param {Uint8Array} left @param {Uint8Array} right */
const parent = (left, right) => sha256(joined(Uint8Array.of(1), left, right));

/** The events in a proof's commit, as CloudEvents. @param {Inclusion} proof @returns {any[]} */
export function eventsOf({ body }) {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new FaultError("the commit in the proof is no JSON");
  }
}
