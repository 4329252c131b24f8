/** Verification of webhooks by the Standard Webhooks specification, with WebCrypto. */

import { ClientError } from "./errors.js";

const TOLERANCE_S = 300;

/** A webhook that must not be believed. */
export class WebhookVerificationError extends ClientError {}

/**
 * Check signature and age (five minutes) of a webhook and return its message.
 *
 * `key` is the endpoint's secret `whsec_...` (signatures `v1`) or the service's public key `whpk_...` (signatures
 * `v1a`); `body` are the received bytes, unchanged. Throws WebhookVerificationError for an invalid webhook and
 * TypeError for a key that is none. A webhook may be delivered twice: compare `webhook-id`.
 * @param {string} key @param {Headers | Record<string, string>} headers @param {Uint8Array | string} body
 * @param {{now?: number}} [options] `now`: seconds since 1970
 * @returns {Promise<Record<string, any>>}
 */
export async function verifyWebhook(key, headers, body, { now = Date.now() / 1000 } = {}) {
  const checker = await checkerOf(key);
  const sent = headers instanceof Headers ? headers : new Headers(headers);
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((name) => sent.get(`webhook-${name}`));
  if (!id || !timestamp || !signatures) throw new WebhookVerificationError("A header of the signature is missing");
  if (!/^[0-9]{1,15}$/.test(timestamp)) throw new WebhookVerificationError("webhook-timestamp is no number");
  if (Math.abs(now - Number(timestamp)) > TOLERANCE_S) {
    throw new WebhookVerificationError("The webhook is older than five minutes, or from the future");
  }
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(head.length + bytes.length);
  signed.set(head);
  signed.set(bytes, head.length);
  for (const signature of signatures.split(" ")) {
    const [version, value = ""] = signature.split(",", 2);
    if (version === checker.version && (await checker.check(bytesOf(value), signed))) return messageOf(bytes);
  }
  throw new WebhookVerificationError("No signature matches");
}

/** @param {string} key */
async function checkerOf(key) {
  const { subtle } = globalThis.crypto;
  const isPublic = key.startsWith("whpk_");
  const raw = bytesOf(key.replace(/^whsec_|^whpk_/, ""));
  if (raw === null || raw.length === 0) throw new TypeError("The key is neither whsec_... nor whpk_...");
  const algorithm = isPublic ? { name: "Ed25519" } : { name: "HMAC", hash: "SHA-256" };
  const imported = await subtle.importKey("raw", raw, algorithm, false, ["verify"]);
  return {
    version: isPublic ? "v1a" : "v1",
    /** @param {Uint8Array<ArrayBuffer> | null} sent @param {Uint8Array<ArrayBuffer>} signed */
    check: async (sent, signed) => sent !== null && subtle.verify(algorithm.name, imported, sent, signed),
  };
}

/** @param {Uint8Array} bytes */
function messageOf(bytes) {
  try {
    const message = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (message !== null && typeof message === "object" && !Array.isArray(message)) return message;
  } catch (error) {
    throw new WebhookVerificationError("The webhook is malformed", { cause: error });
  }
  throw new WebhookVerificationError("The webhook is not a JSON object");
}

/** @param {string} text base64 @returns {Uint8Array<ArrayBuffer> | null} */
function bytesOf(text) {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}
