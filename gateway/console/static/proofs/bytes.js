/** Bytes, their text forms and their hashes. */

const ENCODER = new TextEncoder();

/** This browser cannot check: the page is not served by HTTPS, or it is too old. */
export class CannotCheckError extends Error {}

/** What is checked does not hold; the message says what is wrong. */
export class FaultError extends Error {}

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
export const utf8 = (text) => ENCODER.encode(text);

/** @param {string} encoded @returns {Uint8Array<ArrayBuffer>} */
export function fromBase64(encoded) {
  try {
    return Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  } catch {
    throw new FaultError("a part of it is not base64");
  }
}

/** @param {Uint8Array} bytes */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {...Uint8Array} parts @returns {Uint8Array<ArrayBuffer>} */
export function joined(...parts) {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** @param {Uint8Array} left @param {Uint8Array} right */
export const equal = (left, right) => left.length === right.length && left.every((byte, index) => byte === right[index]);

/** The cryptography of the browser, which pages have that are served by HTTPS or from this machine. */
export function subtle() {
  if (!globalThis.crypto?.subtle) throw new CannotCheckError("insecure");
  return globalThis.crypto.subtle;
}

/** @param {Uint8Array<ArrayBuffer> | ArrayBuffer} bytes */
export const sha256 = async (bytes) => new Uint8Array(await subtle().digest("SHA-256", bytes));
