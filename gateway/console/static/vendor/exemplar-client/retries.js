/** When a failed request is sent again. */

import { ApiError, ConnectionFailedError } from "./errors.js";

const RETRIED = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Exponential back-off with jitter.
 *
 * `attempts` counts the first request too. Pauses, in seconds, double from `first` up to `longest`, each shortened by
 * up to a half so that clients spread. A Retry-After is obeyed, unless it is longer than `maxWait`: then the error is
 * thrown at once.
 */
export class Retries {
  /**
   * @param {{attempts?: number, first?: number, longest?: number, maxWait?: number, random?: () => number}} [options]
   */
  constructor({ attempts = 6, first = 0.5, longest = 30, maxWait = 60, random = Math.random } = {}) {
    this.attempts = attempts;
    this.first = first;
    this.longest = longest;
    this.maxWait = maxWait;
    this.random = random;
  }

  /**
   * Return the pause in seconds after so many failures in a row, the last with this error; null: give up.
   * @param {number} failures @param {Error} error
   * @returns {number | null}
   */
  pause(failures, error) {
    if (failures >= this.attempts || !isRepeatable(error)) return null;
    if (error instanceof ApiError && error.retryAfter !== null) {
      return error.retryAfter <= this.maxWait ? error.retryAfter : null;
    }
    return Math.min(this.first * 2 ** (failures - 1), this.longest) * (1 - this.random() / 2);
  }
}

/** @param {Error} error */
function isRepeatable(error) {
  return error instanceof ConnectionFailedError || (error instanceof ApiError && RETRIED.has(error.status));
}

/**
 * Sleep for so many seconds; throw the signal's reason if it is aborted before.
 * @param {number} seconds @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
