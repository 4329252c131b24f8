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
export function verifyWebhook(key: string, headers: Headers | Record<string, string>, body: Uint8Array | string, { now }?: {
    now?: number;
}): Promise<Record<string, any>>;
/** A webhook that must not be believed. */
export class WebhookVerificationError extends ClientError {
}
import { ClientError } from "./errors.js";
